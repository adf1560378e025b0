"""The soak: a fleet under churn and under clients of every kind, for minutes; see scripts/soak.sh."""
