import spooler_client
from django.http import JsonResponse
from django.views.decorators.http import require_POST

import tasks


@require_POST
def order(request):
    """Takes an order. The customer does not wait for the mail."""
    path = tasks.confirm.spool(mail=request.POST["mail"], number=request.POST["number"])
    return JsonResponse({"task": path.decode().rpartition("/")[2]}, status=202)


def task(_request, name):
    """What became of it."""
    found = spooler_client.status(name)
    return JsonResponse({"state": found.state, "reason": found.reason})
