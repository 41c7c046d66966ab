"""What an isolate has beside its own parts when tests run it: `python -P -m paddock.worker.testing.inside FD PID`."""
