"""The half that opens and speaks SMTP; nothing imports it."""
