"""Sites for processes of their own: they write down what they handle."""
