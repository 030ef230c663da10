"""EC2's instances, as far as they do something: each runs its user data as a process.

`service` decides what starts and ends, `machine` is one instance's folder and process, and
`moto_doors` leads moto's EC2 here, as soon as `door` sees a request for it. Nothing else of EC2 is
real: no disk is mounted, and no security group stands before a process of this machine. A server
that starts again knows no instances, and their processes have ended with it.
"""
