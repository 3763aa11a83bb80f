"""The door of ministries without Kafka: signed requests in, acknowledged records out, and their own topic by long poll."""
