"""Drives the published Python SDK of EnOS, unmodified, by the commands of lines.py."""

from lines import DEADLINE_SECONDS, event, serve, until

from enos.core.MqttClient import MqttClient
from enos.core.constant.DeviceCredential import DeviceCredential
from enos.core.internal.Profile import Profile
from enos.core.message.IConnectCallback import IConnectCallback
from enos.core.util.StringI18n import StringI18n
from enos.message.downstream.ota.OtaUpgradeCommand import OtaUpgradeCommand
from enos.message.downstream.tsl.MeasurepointSetCommand import MeasurepointSetCommand
from enos.message.downstream.tsl.MeasurepointSetReply import MeasurepointSetReply
from enos.message.downstream.tsl.ModelDownRawCommand import ModelDownRawCommand
from enos.message.downstream.tsl.ServiceInvocationCommand import ServiceInvocationCommand
from enos.message.downstream.tsl.ServiceInvocationReply import ServiceInvocationReply
from enos.message.upstream.integration.IntEventPostRequest import IntEventPostRequest
from enos.message.upstream.integration.IntMeaturepointPostRequest import IntMeaturepointPostRequest
from enos.message.upstream.ota.OtaGetVersionRequest import OtaGetVersionRequest
from enos.message.upstream.ota.OtaProgressReportRequest import OtaProgressReportRequest
from enos.message.upstream.ota.OtaVersionReportRequest import OtaVersionReportRequest
from enos.message.upstream.register.DeviceRegisterRequest import DeviceRegisterRequest
from enos.message.upstream.resume.MeasurepointResumeRequest import MeasurepointResumeRequest
from enos.message.upstream.status.SubDeviceLoginBatchRequest import SubDeviceLoginBatchRequest
from enos.message.upstream.status.SubDeviceLoginRequest import SubDeviceLoginRequest
from enos.message.upstream.status.SubDeviceLogoutRequest import SubDeviceLogoutRequest
from enos.message.upstream.tag.TagDeleteRequest import TagDeleteRequest
from enos.message.upstream.tag.TagQueryRequest import TagQueryRequest
from enos.message.upstream.tag.TagUpdateRequest import TagUpdateRequest
from enos.message.upstream.topo.SubDeviceInfo import SubDeviceInfo
from enos.message.upstream.topo.TopoAddRequest import TopoAddRequest
from enos.message.upstream.topo.TopoDeleteRequest import TopoDeleteRequest
from enos.message.upstream.topo.TopoGetRequest import TopoGetRequest
from enos.message.upstream.tsl.AttributeDeleteRequest import AttributeDeleteRequest
from enos.message.upstream.tsl.AttributeQueryRequest import AttributeQueryRequest
from enos.message.upstream.tsl.AttributeUpdateRequest import AttributeUpdateRequest
from enos.message.upstream.tsl.EventPostRequest import EventPostRequest
from enos.message.upstream.tsl.MeasurepointPostBatchRequest import MeasurepointPostBatchRequest
from enos.message.upstream.tsl.MeasurepointPostRequest import MeasurepointPostRequest
from enos.message.upstream.tsl.ModelUpRawRequest import ModelUpRawRequest
from enos.message.upstream.tsl.TslTemplateGetRequest import TslTemplateGetRequest


class Driver:
    def __init__(self):
        self.client = None

    def connect(self, url, product, device, secret=None, product_secret=None, ca=None, deadline=DEADLINE_SECONDS):
        profile = Profile(url, product, device, secret, product_secret)
        if ca:
            profile.set_ssl_context(ca, None, None)
        self.client = MqttClient(profile=profile)
        self.client.on_device_dynamic_active = lambda device_secret: event("activated", device_secret)
        self.client.register_arrived_message_handler(ServiceInvocationCommand.get_class(), self.called)
        self.client.register_arrived_message_handler(MeasurepointSetCommand.get_class(), self.set_to)
        self.client.register_arrived_message_handler(ModelDownRawCommand.get_class(), self.raw_down)
        self.client.register_arrived_message_handler(OtaUpgradeCommand.get_class(), self.upgrade)
        callback = IConnectCallback()
        self.client.connect(callback)
        until(self.client.is_connected, "not connected", deadline)

    def disconnect(self):
        self.client.close()

    def is_connected(self):
        return self.client.is_connected()

    def _ask(self, request):
        """Waits for the reply, as the SDK does by itself."""
        response = self.client.publish(request)
        return {"code": response.get_code(), "data": response.get_data()}

    def _of(self, builder, product, device):
        if product:
            builder.set_product_key(product).set_device_key(device)
        return builder.build()

    # what devices send

    def measurepoints(self, values, time=None, product=None, device=None):
        builder = MeasurepointPostRequest.builder().add_measurepoints(values)
        if time:
            builder.set_timestamp(time)
        return self._ask(self._of(builder, product, device))

    def batch(self, samples, product, device, skip_invalid=False):
        builder = MeasurepointPostBatchRequest.builder()
        for values, time in samples:
            one = MeasurepointPostRequest.builder().add_measurepoints(values).set_timestamp(time)
            builder.add_request(self._of(one, product, device))
        builder.set_skip_invalid_measurepoints(skip_invalid)
        return self._ask(builder.build())

    def resume(self, values, time):
        return self._ask(MeasurepointResumeRequest.builder().add_measure_points(values).set_timestamp(time).build())

    def post_event(self, name, values):
        return self._ask(EventPostRequest.builder().set_event_identifier(name).add_values(values).build())

    def attributes(self, values):
        return self._ask(AttributeUpdateRequest.builder().add_attributes(values).build())

    def query_attributes(self, keys):
        return self._ask(AttributeQueryRequest.builder().add_attributes(keys).build())

    def delete_attributes(self, keys):
        return self._ask(AttributeDeleteRequest.builder().delete_attributes(keys).build())

    def tags(self, values):
        return self._ask(TagUpdateRequest.builder().add_tags(values).build())

    def query_tags(self, keys):
        return self._ask(TagQueryRequest.builder().add_keys(keys).build())

    def delete_tags(self, keys):
        return self._ask(TagDeleteRequest.builder().delete_tag_keys(keys).build())

    def model(self):
        return self._ask(TslTemplateGetRequest.builder().build())

    def raw_up(self, text):
        self.client.fast_publish(ModelUpRawRequest.builder().set_payload(bytes(text, "utf-8")).build())

    # what devices are sent

    def called(self, command, path):
        event("called", {"service": path[2], "params": command.get_params()})
        params = command.get_params()
        if path[2] != "multiply":
            return ServiceInvocationReply.builder().set_code(2000).set_message("unknown service").build()
        return ServiceInvocationReply.builder().add_output_data("result", params["left"] * params["right"]).set_code(200).build()

    def set_to(self, command, _path):
        event("set", command.get_params())
        return MeasurepointSetReply.builder().set_code(200).build()

    def raw_down(self, command, _path):
        event("raw", command.get_payload().decode())

    # firmware

    def version(self, version):
        return self._ask(OtaVersionReportRequest.builder().set_version(version).build())

    def progress(self, step, desc=""):
        return self._ask(OtaProgressReportRequest.builder().set_step(step).set_desc(desc).build())

    def versions(self):
        return self._ask(OtaGetVersionRequest.builder().build())

    def upgrade(self, command, _path):
        firmware = command.get_firmware_info()
        event("upgrade", vars(firmware))

    # sub-devices

    def register(self, product, device):
        name = StringI18n(device)
        builder = DeviceRegisterRequest.builder().add_register_information(product, device, name, "", "+08:00")
        return self._ask(builder.build())

    def topo_add(self, product, device, secret):
        return self._ask(TopoAddRequest.builder().add_sub_device(SubDeviceInfo(product, device, secret)).build())

    def topo_get(self):
        return self._ask(TopoGetRequest.builder().build())

    def topo_delete(self, product, device):
        return self._ask(TopoDeleteRequest.builder().delete_sub_device(product, device).build())

    def login(self, product, device, secret):
        return self._ask(SubDeviceLoginRequest.builder().set_sub_device_info(product, device, secret).build())

    def activate(self, product, device, product_secret):
        credential = DeviceCredential(product, product_secret, device, None)
        return self._ask(SubDeviceLoginRequest.builder().set_sub_device_credential(credential).build())

    def login_batch(self, product, secrets):
        builder = SubDeviceLoginBatchRequest.builder()
        for device, secret in secrets.items():
            builder.add_sub_device_info(product, device, secret)
        return self._ask(builder.build())

    def logout(self, product, device):
        builder = SubDeviceLogoutRequest.builder().set_sub_product_key(product).set_sub_device_key(device)
        return self._ask(builder.build())

    # the integration channel, without attributes: its request for them is empty whatever they are

    def int_measurepoints(self, device, values, time):
        return self._ask(IntMeaturepointPostRequest.builder().add_meaturepoint(device, time, values).build())

    def int_event(self, device, name, values, time):
        return self._ask(IntEventPostRequest.builder().add_event(device, time, name, values).build())


serve(Driver())
