"""Published vulnerabilities, read from files that were handed over: no network is asked."""
