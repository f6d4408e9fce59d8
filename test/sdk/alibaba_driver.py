"""Drives the published Python SDK of Alibaba Cloud IoT, unmodified, by the commands of lines.py.

The SDK makes its vendor's host names itself: `resolve` answers for them, as a name server would, and names another port.
"""

import logging
import socket

from lines import DEADLINE_SECONDS, event, serve, until

from linkkit.linkkit import LinkKit

REGION = "cn-test"
look_up = socket.getaddrinfo


class Driver:
    def __init__(self):
        self.kit = None
        self.replies = {}
        self.ready = False

    def resolve(self, names):
        def answer(host, port, *args, **kwargs):
            if host in names:
                host, port = "127.0.0.1", names[host]
            return look_up(host, port, *args, **kwargs)

        socket.getaddrinfo = answer

    def connect(self, product, device, ca, secret=None, product_secret=None, auth_type=None, names=None, model=None, deadline=DEADLINE_SECONDS):
        """`names`: client id, user name and password of a device that has got a token."""
        self.ready = False
        kit = self.kit = LinkKit(REGION, product, device, secret, auth_type=auth_type, product_secret=product_secret, **(names or {}))
        kit.enable_logger(logging.DEBUG)
        with open(ca) as file:
            # Its own port is that of the name (resolve).
            kit.config_mqtt(cadata=file.read(), keep_alive=60)
        if model:
            kit.thing_setup(model)
        for name in ("add_subdev_topo", "delete_subdev_topo", "login_subdev", "logout_subdev", "register_subdev"):
            setattr(kit, f"on_gateway_{name}_reply", self.replied)
        kit.on_device_dynamic_register = lambda code, value, _: event("registered", [code, value])
        kit.on_device_dynamic_register_nwl_reply = lambda code, client_id, user, password: event(
            "token", {"code": code, "client_id": client_id, "username": user, "password": password}
        )
        kit.on_thing_enable = self.enabled
        kit.on_thing_prop_post = self.replied
        kit.on_thing_event_post = lambda _event, *reply: self.replied(*reply)
        kit.on_thing_device_info_update = self.replied
        kit.on_thing_device_info_delete = self.replied
        kit.on_thing_prop_changed = lambda params, _: event("set", params)
        kit.on_thing_call_service = self.called
        kit.on_thing_shadow_get = lambda payload, _: event("shadow", payload)
        kit.on_thing_raw_data_arrived = lambda payload, _: event("raw", payload.decode())
        kit.on_ota_message_arrived = lambda *what: event("upgrade", list(what))
        kit.connect_async()
        if secret or names:
            until(self.is_connected, "not connected", deadline)
            until(lambda: self.ready or not model, "not ready")

    def enabled(self, _):
        self.ready = True
        event("enabled", True)

    def is_connected(self):
        return self.kit.check_state() is LinkKit.LinkKitState.CONNECTED

    def disconnect(self):
        self.kit.disconnect()

    def replied(self, number, code, data, message, _):
        self.replies[number] = {"code": code, "data": data, "message": message}

    def _reply(self, sent):
        """Waits for what the SDK's callback gets."""
        rc, number = sent
        if rc != 0:
            raise RuntimeError(f"not sent: {rc}")
        until(lambda: number in self.replies, "no reply")
        return self.replies.pop(number)

    def properties(self, values):
        return self._reply(self.kit.thing_post_property(values))

    def post_event(self, name, values):
        return self._reply(self.kit.thing_trigger_event((name, values)))

    def tags(self, values):
        return self._reply(self.kit.thing_update_tags(values))

    def remove_tags(self, keys):
        return self._reply(self.kit.thing_remove_tags(keys))

    def raw_up(self, text):
        return self.kit.thing_raw_post_data(bytes(text, "utf-8"))

    def called(self, service, number, params, _):
        event("called", {"service": service, "params": params})
        self.kit.thing_answer_service(service, number, 200, {"sum": params["a"] + params["b"]})

    def shadow_update(self, reported, version):
        return self.kit.thing_update_shadow(reported, version)[0]

    def shadow_get(self):
        return self.kit.thing_get_shadow()[0]

    # firmware

    def version(self, version):
        # It says of every report that it failed: it compares paho's answer with a number.
        self.kit.ota_report_version(None, version)

    def firmware(self):
        self.kit.query_ota_firmware()

    def download(self, url, path, method, sign):
        return self.kit.download_ota_firmware(url, path, method, sign).value

    # sub-devices, as [product, device, secret]

    def register(self, devices):
        return self._reply(self.kit.gateway_register_subdev(devices))

    def topo_add(self, devices):
        return self._reply(self.kit.gateway_add_subdev_topo(devices))

    def topo_delete(self, devices):
        return self._reply(self.kit.gateway_delete_subdev_topo(devices))

    def login(self, devices):
        return self._reply(self.kit.gateway_login_subdev(devices))

    def logout(self, devices):
        return self._reply(self.kit.gateway_logout_subdev(devices))

    def publish(self, topic, payload):
        return self.kit.publish_topic(topic, payload)[0]


serve(Driver())
