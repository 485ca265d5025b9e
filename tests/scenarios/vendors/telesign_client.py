# The client that Telesign's page "Voice - Play audio and collect digits" shows: `import json` is added, and what is encoded
# are bytes; that is all. What style and types are here is theirs.
# ruff: noqa
# mypy: ignore-errors
# fmt: off
import json
from base64 import b64encode
import requests

customer_id = 'Your Customer ID goes here.'
api_key = 'Your API key goes here.'
destination_number = 'The complete phone number you want to call, including country code, with no special characters or spaces.'
caller_id_number = 'The phone number you purchased from Telesign goes here.'
external_id = 'An external ID you generated for this transaction.'

url = "https://rest-ww.telesign.com/v2/voice"
payload = {
    "jsonrpc": "2.0",
    "method": "dial",
    "params": {
        "to": destination_number,
        "caller_id_number": caller_id_number,
        "external_id": external_id
    }
}
headers = {
    'Accept': "application/json",
    'Content-Type': "application/json",
    'Authorization': "Basic {}".format(b64encode((customer_id + ":" + api_key).encode()).decode('utf-8')),
}
response = requests.request("POST", url, data=json.dumps(payload), headers=headers)
print(response.text)
