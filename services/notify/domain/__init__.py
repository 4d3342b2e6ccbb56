"""Pure decisions of notify: journeys, the send decision, quiet hours, caps, retry, rendering."""
