"""Load by k6 on a stack of its own: what is asked, how it is run, and what comes of it."""
