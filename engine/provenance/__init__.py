"""Evidence of what ran: the statement about an execution, the members of its bundle, and the way to the ledger.

Pure assembly from plain values; what is read from where, and when, is for the services to say.
"""
