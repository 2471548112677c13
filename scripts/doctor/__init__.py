"""What `maestro doctor` looks at."""
