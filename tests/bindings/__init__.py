"""Tests of the bindings: the receiver in Flask, in Django, and under WSGI servers."""
