"""adservice: advertisements that match the page's categories, else two random ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

import grpc

from protos import hipstershop_pb2 as pb, hipstershop_pb2_grpc as rpc
from services.common.server import Backend, ServiceContext, ServicerHandle, serve
from services.common.settings import CommonSettings
from services.common.telemetry import ShopLogger

RANDOM_ADS = 2


@dataclass(frozen=True, slots=True)
class Settings(CommonSettings):
    """adservice's settings."""


def _ad(product_id: str, text: str) -> pb.Ad:
    return pb.Ad(redirect_url=f"/product/{product_id}", text=text)


CAMERA = _ad("2ZYFJ3GM2N", "Film camera for sale. Half the price of a good phone, twice the patience.")
LENS = _ad("66VCHSJNUP", "Vintage camera lens for sale. One fifth off, all of the blur.")
RECORD_PLAYER = _ad("0PUK6V6EV0", "Vintage record player for sale. The neighbours get theirs for free.")
BIKE = _ad("9SIQT8TOJO", "City bike for sale. A tenth off, and no parking fees.")
BARISTA_KIT = _ad("1YMWWN1N4O", "Home barista kit for sale. Buy one, get a second cup for free.")
AIR_PLANT = _ad("6E92ZMYYFZ", "Air plants for sale. Buy two, water neither.")
TERRARIUM = _ad("L9ECAV7KIM", "Terrarium for sale. The only garden that fits your desk.")

BY_CATEGORY: Mapping[str, Sequence[pb.Ad]] = {
    "photography": (CAMERA, LENS),
    "vintage": (CAMERA, LENS, RECORD_PLAYER),
    "cycling": (BIKE,),
    "cookware": (BARISTA_KIT,),
    "gardening": (AIR_PLANT, TERRARIUM),
}
ALL: Sequence[pb.Ad] = (CAMERA, LENS, RECORD_PLAYER, BIKE, BARISTA_KIT, AIR_PLANT, TERRARIUM)


class AdServicer(rpc.AdServiceServicer):
    """Serves `hipstershop.AdService`."""

    def __init__(self, logger: ShopLogger, chance: Random) -> None:
        self._log = logger
        self._chance = chance

    def GetAds(self, request: pb.AdRequest, context: grpc.ServicerContext) -> pb.AdResponse:
        """The ads of all given categories, each once; two random ones when none matches."""
        matching = [ad for key in request.context_keys for ad in BY_CATEGORY.get(key, ())]
        ads = list({ad.redirect_url: ad for ad in matching}.values()) or self._chance.sample(ALL, RANDOM_ADS)
        self._log.info("received ad request", context_words=", ".join(request.context_keys), ads=len(ads))
        return pb.AdResponse(ads=ads)


def mount(service: ServiceContext[Settings]) -> ServicerHandle:
    """Make the servicer."""
    return ServicerHandle(AdServicer(service.log, service.chance("ads")))


BACKEND = Backend(
    service="adservice",
    short_name="ad",
    title="advertises.",
    settings=Settings,
    rpc_service="hipstershop.AdService",
    register=rpc.add_AdServiceServicer_to_server,
    mount=mount,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit codes are those of `serve`."""
    return serve(BACKEND, argv)
