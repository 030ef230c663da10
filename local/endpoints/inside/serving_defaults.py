"""The handlers of a PyTorch model that does not bring its own: TorchScript in, arrays through."""

import importlib
from pathlib import Path
from typing import Any

import serving_formats as formats

MODEL_FILE = "model.pt"


def model_fn(model_dir: str) -> Any:
    """Load model.pt, or the only .pt or .pth file, as TorchScript."""
    path = Path(model_dir, MODEL_FILE)
    if not path.exists():
        found = sorted(p for p in Path(model_dir).iterdir() if p.suffix in (".pt", ".pth"))
        if len(found) != 1:
            names = ", ".join(p.name for p in found) or "none"
            raise ValueError(
                "Without a model_fn the model data must hold exactly one .pt or .pth file with "
                f"TorchScript; it holds {names}. Put the handlers into code/inference.py."
            )
        path = found[0]
    return _torch().jit.load(str(path), map_location=_device())


def input_fn(body: Any, content_type: str) -> Any:
    """A float tensor of JSON or CSV, a tensor of NPY's own type."""
    array = formats.decode(body, content_type)
    torch = _torch()
    text = content_type in formats.UTF8_TYPES
    return (torch.FloatTensor(array) if text else torch.from_numpy(array)).to(_device())


def predict_fn(data: Any, model: Any) -> Any:
    with _torch().no_grad():
        model = model.to(_device())
        model.eval()
        return model(data.to(_device()))


def output_fn(prediction: Any, accept: str) -> Any:
    """The first format of `accept` that can be written."""
    if type(prediction) is _torch().Tensor:
        prediction = prediction.detach().cpu().numpy().tolist()
    for kind in formats.writable(accept):
        encoded = formats.encode(prediction, kind)
        return encoded.encode() if kind == formats.CSV else encoded
    raise formats.UnsupportedFormatError(accept)


def _torch() -> Any:
    return importlib.import_module("torch")


def _device() -> Any:
    torch = _torch()
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
