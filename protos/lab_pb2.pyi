from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetFlagsRequest(_message.Message):
    __slots__ = ("seat", "tenant")
    SEAT_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    seat: str
    tenant: str
    def __init__(self, seat: _Optional[str] = ..., tenant: _Optional[str] = ...) -> None: ...

class FlagState(_message.Message):
    __slots__ = ("key", "people", "synthetic", "error")
    KEY_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    SYNTHETIC_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    key: str
    people: str
    synthetic: str
    error: str
    def __init__(self, key: _Optional[str] = ..., people: _Optional[str] = ..., synthetic: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class GetFlagsResponse(_message.Message):
    __slots__ = ("service", "flags")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    service: str
    flags: _containers.RepeatedCompositeFieldContainer[FlagState]
    def __init__(self, service: _Optional[str] = ..., flags: _Optional[_Iterable[_Union[FlagState, _Mapping]]] = ...) -> None: ...
