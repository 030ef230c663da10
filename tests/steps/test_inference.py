"""The four handlers, what they refuse, and what they fetch."""

from __future__ import annotations

import base64
import importlib.util
import io
import json
import pickle
import socket
import sys
import types
from typing import Any

import inference
import pytest
import remote_images
import torch
from export import describe, export
from hyperparameters import Hyperparameters
from inference import RequestError, input_fn, output_fn, predict_batch, predict_fn
from network import BACKBONES, build_network
from PIL import Image
from progress import Metrics
from remote_images import FetchError, fetch

CLASSES = ("amber", "blue", "green", "red", "teal", "white")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(4)
    hyperparameters = Hyperparameters(backbone="resnet18", image_size=32)
    network = build_network("resnet18", len(CLASSES), 0, 32)
    provenance = describe(hyperparameters, "", "", Metrics(1, 1, 1, 1, 1, 1))
    export(folder, network, CLASSES, BACKBONES["resnet18"].preprocessing(32), provenance)
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return inference.model_fn(str(folder))


def encoded(mode="RGB", size=(50, 40), kind="PNG", colour=None):
    buffer = io.BytesIO()
    Image.new(mode, size, colour or 0).save(buffer, kind)
    return buffer.getvalue()


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def answer(model, body, content_type):
    prediction = predict_fn(input_fn(body, content_type), model)
    return json.loads(output_fn(prediction, "application/json"))


def refusal(body, content_type="application/json", model=None):
    with pytest.raises(RequestError) as caught:
        request = input_fn(body if isinstance(body, bytes) else json.dumps(body), content_type)
        predict_fn(request, model)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return caught.value.status, text


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "LA", "1", "I;16"])
def test_an_image_of_any_mode_is_answered(model, mode):
    result = answer(model, encoded(mode), "image/png")
    assert result["label"] in CLASSES
    assert result["label"] == CLASSES[result["index"]]
    assert len(result["top_k"]) == 5
    probabilities = [entry["probability"] for entry in result["top_k"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert result["probability"] == probabilities[0]


def test_cmyk_and_turned_jpegs_are_answered(model):
    assert "label" in answer(model, encoded("CMYK", kind="JPEG"), "image/jpeg")
    image = Image.new("RGB", (60, 40), "red")
    image.paste("blue", (0, 0, 30, 40))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned, upright = io.BytesIO(), io.BytesIO()
    image.transpose(Image.Transpose.ROTATE_90).save(turned, "PNG", exif=exif)
    image.save(upright, "PNG")
    assert answer(model, turned.getvalue(), "image/png") == answer(
        model, upright.getvalue(), "image/png"
    )


def test_json_forms_agree_with_the_plain_image(model):
    data = encoded(colour="teal")
    plain = answer(model, data, "image/png")
    text = base64_of(data)
    for single in ({"image": text}, {"image": text, "top_k": 5}):
        assert answer(model, json.dumps(single), "application/json; charset=utf-8") == plain
    for several in (
        {"images": [text, text]},
        {"instances": [{"data": text}, {"b64": text}]},
    ):
        result = answer(model, json.dumps(several).encode(), "application/json")
        assert [entry["index"] for entry in result["predictions"]] == [plain["index"]] * 2


def test_a_list_of_one_is_answered_by_a_list(model):
    body = json.dumps({"images": [base64_of(encoded())], "top_k": 2})
    (only,) = answer(model, body, "application/json")["predictions"]
    assert len(only["top_k"]) == 2


def test_top_k_never_exceeds_the_classes(model):
    body = json.dumps({"image": base64_of(encoded()), "top_k": 99})
    top = answer(model, body, "application/json")["top_k"]
    assert len(top) == len(CLASSES)
    assert sum(entry["probability"] for entry in top) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "words"),
    [
        (b"GIF89a", "image/gif", 415, "'image/gif' is not taken"),
        (b"x", "", 415, "send image/jpeg"),
        (b"", "image/png", 400, "empty"),
        (b"no image", "image/jpeg", 400, "not an image"),
        (encoded()[:60], "image/png", 400, "damaged"),
        (b"{", "application/json", 400, "not JSON"),
        (b"[" * 100_000, "application/json", 400, "not JSON"),
        (b"\xff\xfe{", "application/json", 400, "not JSON"),
        (b"[]", "application/json", 400, "must be an object"),
        (b"{}", "application/json", 400, "exactly one of"),
        ({"image": "a", "images": []}, "application/json", 400, "exactly one of"),
        ({"image": 5}, "application/json", 400, "image is not base64 text"),
        ({"image": "%%%"}, "application/json", 400, "image is not base64 text"),
        ({"image": "é"}, "application/json", 400, "image is not base64 text"),
        ({"images": []}, "application/json", 400, "list of 1 to 64"),
        ({"images": "abcd"}, "application/json", 400, "list of 1 to 64"),
        ({"images": ["aGk="] * 65}, "application/json", 413, "list of 1 to 64"),
        ({"instances": [{"url": "x"}]}, "application/json", 400, r"instances[0] must be"),
        ({"image": "aGk=", "top_k": 0}, "application/json", 400, "top_k is 0"),
        ({"image": "aGk=", "top_k": True}, "application/json", 400, "top_k is True"),
        ({"images": ["aGk="]}, "application/json", 400, "Image 0 of the list: The bytes"),
        ({"url": 5}, "application/json", 400, "url is not a text"),
    ],
)
def test_bad_requests_are_refused_with_status_and_reason(model, body, content_type, status, words):
    got, text = refusal(body, content_type, model)
    assert got == status
    assert words in text


def test_limits_come_from_the_environment(model, monkeypatch):
    monkeypatch.setenv("BREEDLINE_MAX_BYTES", "10")
    assert refusal(encoded(), "image/png", model)[0] == 413
    monkeypatch.delenv("BREEDLINE_MAX_BYTES")
    monkeypatch.setenv("BREEDLINE_MAX_PIXELS", "100")
    status, text = refusal(encoded(), "image/png", model)
    assert status == 413
    assert "50×40" in text


def test_an_image_with_too_many_pixels_is_refused_before_it_is_decoded(model, monkeypatch):
    def decode(self):
        raise AssertionError("decoded")

    huge = encoded("1", (9000, 9000))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decode)
    assert refusal(huge, "image/png", model)[0] == 413


@pytest.mark.parametrize("accept", ["application/json", "*/*", "", "text/html, */*;q=0.1"])
def test_json_is_given_to_who_takes_it(accept):
    assert output_fn({"label": "x"}, accept) == '{"label": "x"}'


@pytest.mark.parametrize(
    ("text", "told"),
    [("12", {"model_version": 12}), ("1.2-b", {"model_version": "1.2-b"}), ("", {})],
)
def test_an_answer_tells_the_version_that_the_container_was_told(monkeypatch, text, told):
    monkeypatch.setenv("BREEDLINE_MODEL_VERSION", text)
    predictions: list[dict[str, object]] = [{"label": "x"}, {"predictions": []}]
    for prediction in predictions:
        assert json.loads(output_fn(prediction, "*/*")) == prediction | told


def test_a_client_that_takes_no_json_is_refused():
    with pytest.raises(RequestError) as caught:
        output_fn({}, "text/csv")
    assert caught.value.status == 406


def test_a_refusal_carries_what_sagemakers_toolkit_reads():
    error = RequestError(413, "The request is too large.")
    assert (error.status_code, error.message) == (413, "The request is too large.")
    assert "\n" not in error.phrase
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (again.status, str(again)) == (413, "The request is too large.")


def test_in_sagemakers_containers_a_refusal_is_its_toolkits_own_error(monkeypatch):
    class BaseInferenceToolkitError(Exception):
        def __init__(self, status_code, message, phrase):
            raise AssertionError("not called: its arguments differ between versions")

    toolkit: Any = types.ModuleType("sagemaker_inference")
    toolkit.errors = types.SimpleNamespace(BaseInferenceToolkitError=BaseInferenceToolkitError)
    monkeypatch.setitem(sys.modules, "sagemaker_inference", toolkit)
    monkeypatch.delitem(sys.modules, "replies")  # which has looked for it already
    spec: Any = importlib.util.spec_from_file_location("served_inference", inference.__file__)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "served_inference", module)  # dataclasses look it up
    spec.loader.exec_module(module)
    with pytest.raises(BaseInferenceToolkitError) as caught:
        module.input_fn(b"", "image/gif")
    error: Any = caught.value
    assert error.status_code == 415
    assert error.phrase == "Unsupported Media Type"


def test_a_batch_gives_a_row_of_probabilities_for_each_image(model):
    images = [Image.new("RGB", (40 + n, 50), (n * 7 % 256, 80, 90)) for n in range(35)]
    rows = predict_batch(images, model)
    assert rows.shape == (35, 6)
    assert rows.dtype == torch.float32
    torch.testing.assert_close(rows.sum(dim=1), torch.ones(35))
    torch.testing.assert_close(predict_batch(images[34:], model)[0], rows[34], rtol=0, atol=1e-4)
    assert predict_batch([], model).shape == (0, 6)
    assert tuple(model.classes) == CLASSES


def test_half_precision_serving_stays_within_two_hundredths(folder, model, monkeypatch):
    monkeypatch.setattr("inference.serving_dtype", lambda device: torch.float16)
    lower = inference.model_fn(str(folder))
    images = [Image.effect_noise((60, 60), 20.0 * n + 1).convert("RGB") for n in range(8)]
    assert (predict_batch(images, lower) - predict_batch(images, model)).abs().max() < 2e-2


def test_no_url_is_fetched_unless_its_host_is_allowed(model, monkeypatch):
    def resolve(*arguments, **options):
        raise AssertionError("looked up")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    for allowed in ("", "photos.example"):
        monkeypatch.setenv("BREEDLINE_URL_ALLOW_LIST", allowed)
        status, text = refusal({"url": "https://other.example/a.png"}, model=model)
        assert status == 403
        assert "is not allowed" in text


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("http://photos.example/a.png", 403),
        ("https://photos.example:8443/a.png", 403),
        ("https://user@photos.example/a.png", 403),
        ("https://photos.example@evil.example/a.png", 403),
        ("https://photos.example.evil.example/", 403),
        ("file:///etc/passwd", 403),
        ("https://photos.example/a b", 400),
        ("https://photos.example/a\r\nHost: evil", 400),
        ("https://[photos.example/", 400),
        ("https://photos.example:x/", 400),
    ],
)
def test_odd_addresses_are_refused_before_any_look_up(monkeypatch, url, status):
    def resolve(*arguments, **options):
        raise AssertionError("looked up")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(FetchError) as caught:
        fetch(url, ["photos.example"], 100)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.1.2.3"],
        ["172.16.0.1"],
        ["192.168.1.1"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["0.0.0.0"],  # noqa: S104
        ["224.0.0.1"],
        ["::1"],
        ["fe80::1%eth0"],
        ["fd00:ec2::254"],
        ["::ffff:10.0.0.1"],
        ["::ffff:8.8.8.8"],
        ["2002:0a00:0001::"],
        ["64:ff9b::a00:1"],
        ["8.8.8.8", "127.0.0.1"],
        [],
    ],
)
def test_an_allowed_host_with_a_private_address_is_not_connected_to(monkeypatch, addresses):
    def connect(*arguments, **options):
        raise AssertionError("connected")

    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, 443)) for text in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: answers)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(FetchError, match="has no public address") as caught:
        fetch("https://photos.example/a.png", ["photos.example"], 100)
    assert caught.value.status == 403


class Web:
    """Answers the one connection it is given, and notes where that went."""

    def __init__(self, monkeypatch, response: bytes):
        self.response = response
        self.connected: list[object] = []
        self.request = b""
        public = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: public)
        monkeypatch.setattr(socket, "create_connection", self.connect)
        monkeypatch.setattr("ssl.SSLContext.wrap_socket", self.wrap)

    def connect(self, address, timeout):
        assert 0 < timeout <= remote_images.SECONDS
        self.connected.append(address)
        ours, theirs = socket.socketpair()
        theirs.sendall(self.response)
        theirs.shutdown(socket.SHUT_WR)
        self.theirs = theirs
        return ours

    def wrap(self, plain, server_hostname):
        self.connected.append(server_hostname)
        return plain


def test_an_allowed_image_is_fetched_from_the_address_that_was_checked(model, monkeypatch):
    data = encoded(colour="blue")
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    web = Web(monkeypatch, head + data)
    monkeypatch.setenv("BREEDLINE_URL_ALLOW_LIST", "other.example, Photos.example")
    body = json.dumps({"url": "https://photos.example/a.png?size=1"})
    assert answer(model, body, "application/json") == answer(model, data, "image/png")
    assert web.connected == [("93.184.216.34", 443), "photos.example"]
    assert web.theirs.recv(4096).startswith(b"GET /a.png?size=1 HTTP/1.1\r\nHost: photos.example")


@pytest.mark.parametrize(
    ("response", "status", "words"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\n\r\n", 400, "redirects are not"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", 400, "answered 404"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200, 413, "larger than 100 bytes"),
        (b"nonsense\r\n\r\n", 400, "could not be fetched"),
        (b"", 400, "could not be fetched"),
    ],
)
def test_other_answers_of_the_web_are_refused(monkeypatch, response, status, words):
    Web(monkeypatch, response)
    with pytest.raises(FetchError, match=words) as caught:
        fetch("https://photos.example/", ["photos.example"], 100)
    assert caught.value.status == status


class Clock:
    """Stands for the module `time`, in that one module alone: other threads read the time too."""

    def __init__(self, *times: float) -> None:
        self._times = iter(times)

    def monotonic(self) -> float:
        return next(self._times)


def test_a_host_that_sends_too_slowly_is_given_up(monkeypatch):
    Web(monkeypatch, b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 50)
    monkeypatch.setattr(remote_images, "SECONDS", 0.2)
    monkeypatch.setattr(remote_images, "time", Clock(0.0, 0.05, 0.3, 0.4, 0.5))
    with pytest.raises(FetchError, match="could not be fetched"):
        fetch("https://photos.example/", ["photos.example"], 100)


def test_a_caller_with_less_time_gives_up_earlier(monkeypatch):
    Web(monkeypatch, b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 50)
    monkeypatch.setattr(remote_images, "time", Clock(0.0, 0.05, 0.3, 0.4, 0.5))
    with pytest.raises(FetchError, match="could not be fetched"):
        fetch("https://photos.example/", ["photos.example"], 100, seconds=0.2)
