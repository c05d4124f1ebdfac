"""What the page may send."""

from django import forms
from django.core.exceptions import ValidationError

from .matrix import app

LONGEST_NICK, LONGEST_BODY = 32, 2000


class MessageForm(forms.Form):
    """A message; ``sender`` is the ghost of whoever writes it."""

    key = forms.UUIDField()
    nick = forms.CharField(max_length=LONGEST_NICK)
    body = forms.CharField(max_length=LONGEST_BODY)

    def clean_nick(self):
        """A nickname that can have a ghost."""
        nick = self.cleaned_data["nick"]
        if not nick.isprintable():
            raise ValidationError("Not printable")
        try:
            self.cleaned_data["sender"] = app.registration.user_id_for(nick)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return nick
