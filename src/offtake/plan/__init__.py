"""The plan: scenario and catalogue become a problem, the problem a `Plan`."""
