"""Shows records of Kafka: decodes, filters, finds and compares them."""
