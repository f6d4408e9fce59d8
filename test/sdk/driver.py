"""Drives the official ThingsBoard SDK, unmodified, by the commands of lines.py."""

import hashlib
import json
from threading import Event

from lines import DEADLINE_SECONDS, event, serve, until

from tb_device_http import TBHTTPDevice
from tb_device_mqtt import TBDeviceMqttClient
from tb_gateway_mqtt import TBGatewayMqttClient


class Answer:
    """A callback of the SDK that somebody waits for."""

    def __init__(self):
        self.done = Event()
        self.value = None

    def __call__(self, *values):
        self.value = next((value for value in values if isinstance(value, (dict, Exception))), values)
        self.done.set()

    def wait(self):
        if not self.done.wait(DEADLINE_SECONDS):
            raise TimeoutError("no answer from the broker")
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


def sent(info):
    """0 once the broker acknowledged."""
    return [one.get() for one in info] if isinstance(info, list) else info.get()


class Driver:
    def __init__(self):
        self.client = None
        self.http = None
        self.rest_client = None

    def provision(self, host, port, key, secret, **fields):
        return TBDeviceMqttClient.provision(host, key, secret, port=port, **fields)

    def connect(self, host, port, token, password=None, client_id="", chunk_size=0, gateway=False, deadline=DEADLINE_SECONDS):
        if gateway:
            self.client = TBGatewayMqttClient(host, port, token, password, client_id=client_id)
        else:
            self.client = TBDeviceMqttClient(host, port, token, password, client_id=client_id, chunk_size=chunk_size)
            self.client.set_on_firmware_received_callback(self.firmware_received)
            self.client.set_server_side_rpc_request_handler(self.called)
        self.client.connect()
        until(lambda: self.client.is_connected(), "not connected", deadline)
        until(lambda: self.client.rate_limits_received, "getSessionLimits was not answered")
        if gateway:
            until(lambda: not self.client.get_subscriptions_in_progress(), "subscriptions are open")
            self.client.gw_set_server_side_rpc_request_handler(self.device_called)
        return {
            "maxPayloadSize": self.client.max_payload_size,
            "hasTelemetryLimit": bool(self.client._telemetry_rate_limit.has_limit()),
        }

    def disconnect(self):
        self.client.stop()
        self.client.disconnect()

    def is_connected(self):
        return self.client.is_connected()

    # device

    def telemetry(self, data, qos=1):
        return sent(self.client.send_telemetry(data, quality_of_service=qos))

    def attributes(self, data):
        return sent(self.client.send_attributes(data))

    def request_attributes(self, client_keys=None, shared_keys=None):
        answer = Answer()
        self.client.request_attributes(client_keys, shared_keys, answer)
        return answer.wait()

    def subscribe(self, key="*"):
        return self.client.subscribe_to_attribute(key, lambda content, _: event("attributes", content))

    def called(self, request_id, body):
        event("rpc", body)
        self.client.send_rpc_reply(request_id, {"echo": body.get("params")})

    def call(self, method, params):
        answer = Answer()
        self.client.send_rpc_call(method, params, answer)
        return answer.wait()

    def claim(self, secret, duration):
        return sent(self.client.claim(secret, duration))

    def firmware(self, title="Initial", version="v0"):
        self.client.current_firmware_info["current_fw_title"] = title
        self.client.current_firmware_info["current_fw_version"] = version
        self.client.get_firmware_update()

    def firmware_received(self, _client, data, version):
        self.client.update_firmware_info(title=self.client.firmware_info["fw_title"], version=version)
        event("firmware", {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "version": version})

    # gateway

    def gw_connect(self, device, type="default"):
        return sent(self.client.gw_connect_device(device, type))

    def gw_disconnect(self, device):
        return sent(self.client.gw_disconnect_device(device))

    def gw_telemetry(self, device, data):
        return sent(self.client.gw_send_telemetry(device, data))

    def gw_attributes(self, device, data):
        return sent(self.client.gw_send_attributes(device, data))

    def gw_request(self, device, keys, shared=False):
        answer = Answer()
        ask = self.client.gw_request_shared_attributes if shared else self.client.gw_request_client_attributes
        ask(device, keys, answer)
        return answer.wait()

    def gw_subscribe(self, device):
        return self.client.gw_subscribe_to_all_device_attributes(device, lambda content: event("gw_attributes", content))

    def device_called(self, _gateway, content):
        event("gw_rpc", content)
        data = content["data"]
        self.client.gw_send_rpc_reply(content["device"], data["id"], {"echo": data.get("params")})

    def gw_claim(self, device, secret, duration):
        return sent(self.client.gw_claim(device, secret, duration))

    # HTTP

    def http_connect(self, url, token):
        self.http = TBHTTPDevice(url, token)
        return self.http.connect()

    def http_telemetry(self, data):
        self.http.send_telemetry(data, queued=False)

    def http_attributes(self, data):
        self.http.send_attributes(data)

    def http_request_attributes(self):
        return self.http.request_attributes()

    def http_subscribe(self, endpoint):
        self.http.subscribe(endpoint, lambda data: event("http_" + endpoint, data))

    def http_unsubscribe(self, endpoint):
        self.http.unsubscribe(endpoint)

    def http_provision(self, url, name, key, secret):
        self.http = TBHTTPDevice.provision(url, name, key, secret)
        return self.http.token

    # REST

    def rest_login(self, url, username, password):
        # Slow to load: some seconds of models.
        from tb_ce_client.client import ThingsboardClient

        self.rest_client = ThingsboardClient(url, username, password, max_retries=0)

    def rest(self, method, **args):
        return plain(getattr(self.rest_client, method)(**args))

    def rest_raw(self, method, **args):
        """For methods whose description names no answer: the client itself reads none then."""
        response = getattr(self.rest_client, method + "_without_preload_content")(**args)
        return {"status": response.status, "body": json.loads(response.read())}

    def rest_refused(self, method, **args):
        """What the client makes of an error: its class, and the body read with its own model."""
        from tb_ce_client.exceptions import ApiException
        from tb_ce_client.models.thingsboard_error_response import ThingsboardErrorResponse

        try:
            getattr(self.rest_client, method)(**args)
        except ApiException as error:
            body = ThingsboardErrorResponse.from_json(error.body).model_dump(mode="json")
            return {"raised": type(error).__name__, **body}
        raise AssertionError(method + " was not refused")

    def rest_save_device(self, name, access_token, type=None):
        from tb_ce_client.models.device import Device

        return plain(self.rest_client.save_device(Device(name=name, type=type), access_token=access_token))


def plain(value):
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return json.loads(value.to_json()) if hasattr(value, "to_json") else value


serve(Driver())
