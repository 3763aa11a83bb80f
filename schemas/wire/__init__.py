"""How events travel, for hub and adapters alike: Kafka settings, records, guarded HTTP client, telemetry."""
