# The handler that Telesign's page "Voice - Play audio and collect digits" shows: its syntax is repaired (line breaks and
# indentation), its comments are left out, and that is all. What style and types are here is theirs.
# ruff: noqa
# mypy: ignore-errors
# fmt: off
from json import dumps, loads
from bottle import route, run, request, post


class Response:
    def __init__(self, method, params=None):
        if params is None:
            params = {}
        self.json_rpc = "2.0"
        self.method = method
        self.params = params

    def to_json(self):
        return dumps(self.__dict__)


@post('/')
def telesign_event():
    event = request.json.get('event')
    if event == 'dial_completed':
        url = "https://url-pointing-to-audio-file.com/file.wav"
        max = 5
        timeout = 10000
        inter_digit_timeout = 3000
        terminators = "#"
        return Response(method='play',
                        params={
                            'url': url,
                            'collect_digits': { 'max': max, 'timeout': timeout, 'inter_digit_timeout': inter_digit_timeout, 'terminators': terminators }
                        }).to_json()
    else:
        return Response(method='hangup').to_json()


run(host='localhost', port=8080, debug=True)
