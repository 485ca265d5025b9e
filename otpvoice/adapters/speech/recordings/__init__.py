"""What is played and not spoken: recordings of the prompts folder, recordings at URLs, tones."""
