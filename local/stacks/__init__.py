"""CloudFormation on the embedded AWS: templates become resources by the services' own APIs.

moto's CloudFormation writes past those APIs, so that nothing of it would outlive the server, and
knows neither replacement nor rollback.
"""
