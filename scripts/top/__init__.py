"""What runs now, in a terminal: read from `/metrics` of the processes, as a monitoring system would."""
