"""The page, and from the page to the room."""

import logging
import time

from django.conf import settings
from django.http import FileResponse, Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from appservice_api.errors import MatrixError

from .forms import LONGEST_BODY, LONGEST_NICK, MessageForm
from .matrix import app, room_id
from .models import Message

log = logging.getLogger(__name__)
#: What has reached the room, and wasn't deleted.
SAID = Message.objects.exclude(event_id=None).exclude(body="")


@require_safe
def page(request):
    """The page."""
    more = {"room": settings.BRIDGE_ROOM}
    more |= {"longest_nick": LONGEST_NICK, "longest_body": LONGEST_BODY}
    return render(request, "chat.html", more)


@cache_control(no_cache=True)
def messages(request):
    """The last messages, or one more."""
    if request.method == "POST":
        return write(request)
    last = SAID.order_by("-id")[:100]
    found = [
        {
            "id": one.id, "name": one.name, "kind": one.kind, "body": one.body,
            "file": one.url is not None, "sent_at": one.sent_at, "web": one.key is not None,
        }
        for one in reversed(last)
    ]  # fmt: skip
    return JsonResponse(found, safe=False)


def write(request):
    """Send a message. The page makes a key for it: however often it comes, it is sent once."""
    form = MessageForm(request.POST)
    if not form.is_valid():
        return HttpResponse(status=400)
    given = form.cleaned_data
    message, _ = Message.objects.get_or_create(
        key=given["key"],
        defaults={
            "sender": given["sender"], "name": given["nick"], "body": given["body"],
            "sent_at": int(time.time() * 1000),
        },
    )  # fmt: skip
    if message.event_id is None:
        ghost = app.api.intent(message.sender, device_id="WEB")
        try:
            ghost.set_displayname(message.name)
            event_id = ghost.send_text(room_id(), message.body, txn_id=str(message.key))
        except MatrixError as error:
            log.error("%s", error)
            return HttpResponse(status=502)
        Message.objects.filter(pk=message.pk).update(event_id=event_id)
    return HttpResponse(status=204)


@require_safe
def file(request, number):
    """A file of the room, which the bot fetches; never shown as a page of ours."""
    message = get_object_or_404(SAID.exclude(url=None), pk=number)
    try:
        media = app.bot.stream_media(message.url)
    except (MatrixError, ValueError) as error:
        raise Http404 from error
    return FileResponse(
        media, as_attachment=True, filename=message.body, content_type="application/octet-stream"
    )
