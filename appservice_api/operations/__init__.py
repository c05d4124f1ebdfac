"""What the commands of click, Flask and Django share: it needs none of these.

Results and remarks go to callbacks; what a command returns or raises becomes its exit code by
:mod:`.outcome`.
"""
