"""Starts moto's server with the corrections, and says where it listens.

Usage: python server.py [PORT]     (0, the default, takes a free port)

Prints one line, `listening on http://127.0.0.1:PORT`, and ends when its standard input does: with the process that
started it, however that one ends.

Besides AWS's APIs it answers GET /published/ACCOUNT/REGION/TOPIC with the messages that were published to an SNS
topic, as a JSON list, oldest first.
"""

import json
import sys
import threading

from werkzeug.serving import WSGIRequestHandler, make_server

import corrections
import corrections_forensics
import corrections_iam
import corrections_lists
import corrections_profiles
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sns.models import sns_backends


def published(path):
    account, region, name = path.split("/")
    topics = sns_backends[account][region].topics.values()
    messages = [m for topic in topics if topic.name == name for m in topic.sent_notifications]
    # moto keeps (id, message, subject, attributes, group) for each.
    return [{"id": m[0], "subject": m[2], "body": m[1]} for m in messages]


def with_published(app):
    def wrapped(environ, start_response):
        path = environ.get("PATH_INFO", "")
        if not path.startswith("/published/"):
            return app(environ, start_response)
        body = json.dumps(published(path.removeprefix("/published/"))).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return wrapped


class Quiet(WSGIRequestHandler):
    # Keep connections open, as AWS does.
    protocol_version = "HTTP/1.1"

    def log(self, *args):
        pass


def main():
    alls = [corrections, corrections_iam, corrections_profiles, corrections_forensics, corrections_lists]
    for correct in [correct for module in alls for correct in module.ALL]:
        correct()
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    app = with_published(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
