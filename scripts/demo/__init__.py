"""The sample job: real work through the front doors, with a worker killed in the middle."""
