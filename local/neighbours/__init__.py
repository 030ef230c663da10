"""Other accounts on this machine: each is a server of its own, and they know each other by folder.

`places` finds them, `messages` passes a request on and says in whose name, `border` decides which
requests go out and which may come in, `policies` reads what resources say of strangers, `loans`
lets S3 copy an object that lies in another account.
"""
