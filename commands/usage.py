"""How people use a kind of model: what they ask it, and how they are told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Read = Callable[[str], bytes]  # the content of an object beside samples.json


@dataclass(frozen=True)
class Sample:
    """A request to the endpoint itself."""

    name: str
    body: bytes
    content_type: str


@dataclass(frozen=True)
class Kept:
    """Something that Evaluate kept of the test split, as a file would hold it.

    `facts` say what it is, and what is true of it.
    """

    name: str
    content: bytes
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Usage:
    """One kind of model: in words, and in what its requests and answers are made of."""

    noun: str  # of what is asked about, in the plural
    data: str  # of what a folder of data holds
    draw: Callable[[Path], object]  # fills a folder with data of the project's own
    figures: Callable[[Mapping[str, Any]], dict[str, Any]]  # the headlines of an evaluation.json
    plots: tuple[str, ...]
    question: Callable[[str, bytes], dict[str, Any]]  # a file -> the event for the function
    request: Callable[[str, bytes], Sample]  # a file -> a request to the endpoint
    kept: Callable[[Mapping[str, Any], Read], Iterator[Kept]]  # what samples.json lists
    answered: str  # the key that every answer has, and no refusal
    told: Callable[[Mapping[str, Any]], str]  # an answer in a few words
    introduced: Callable[[Mapping[str, Any]], str]  # the facts of something kept, in a few words
