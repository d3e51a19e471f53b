"""Speech servers and callers that speak both versions: for the demo, the tests and load tests."""
