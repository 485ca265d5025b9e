"""What otpvoice speaks with: engines, languages, recordings, and the folder in which speech is kept."""
