"""Ask the web server of this machine whether it lives: `python -m config.probe [PATH]`; exit 0 for a 200."""

import argparse
import http.client
import ssl
import sys

from config.environment import read_env_file
from config.server import Web
from config.variables import Variables

SECONDS = 4


def main() -> int:
    """0 if the path answers 200 in time."""
    parser = argparse.ArgumentParser(prog="python -m config.probe", description=__doc__)
    parser.add_argument("path", nargs="?", default="/api/health")
    path = parser.parse_args().path
    read_env_file()
    try:
        status = _ask(path)
    except (OSError, http.client.HTTPException) as error:
        print(f"no answer: {type(error).__name__}", file=sys.stderr)
        return 1
    print(status)
    return 0 if status == http.client.OK else 1


def _ask(path: str) -> int:
    connection = _connection(Web.read(Variables()))
    try:
        # The name that production answers to; on loopback there is none of its own.
        connection.request("GET", path, headers={"Host": Variables().text("PUBLIC_DOMAIN", "localhost")})
        return connection.getresponse().status
    finally:
        connection.close()


def _connection(web: Web) -> http.client.HTTPConnection:
    if not web.certificate:
        return http.client.HTTPConnection("127.0.0.1", web.port, timeout=SECONDS)
    # The certificate names the public host, not loopback; nothing secret is sent or believed.
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection("127.0.0.1", web.port, timeout=SECONDS, context=unverified)


if __name__ == "__main__":
    sys.exit(main())
