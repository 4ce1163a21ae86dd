"""What goes with a task beside its text: pictures, and servers of tools."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from orchestrator.errors import UsageError
from orchestrator.providers import images, mcp
from orchestrator.providers.images import Image
from orchestrator.providers.mcp import Servers
from orchestrator.records import Json, Wishes


class Attachments(NamedTuple):
    """The files a person named, read and checked."""

    images: tuple[Image, ...] = ()
    servers: Servers | None = None

    @property
    def facts(self) -> Json:
        """Say what it is, for the log: no path, and nothing that is in the files."""
        found: Json = {}
        if self.images:
            found["images"] = [image.facts for image in self.images]
        if self.servers is not None:
            found["mcp_servers"] = sorted(self.servers.rows)
            found["mcp_config_sha256"] = self.servers.sha256
        return found


NOTHING = Attachments()


def absolute(wishes: Wishes) -> Wishes:
    """Name the files from the root, so that a task that waits finds them from anywhere."""
    config = wishes.mcp_config
    return wishes._replace(
        image=tuple(map(os.path.abspath, wishes.image)),
        mcp_config=config and os.path.abspath(config),
    )


def read(wishes: Wishes, settings: Json, environment: Mapping[str, str]) -> Attachments:
    """Read what the wishes name; raises UsageError for the first file that can't be used."""
    most, config = settings["max_image_bytes"], wishes.mcp_config
    pictures = tuple(images.read(path, most) for path in wishes.image)
    return Attachments(pictures, None if config is None else mcp.read(config, environment))


def again(
    wishes: Wishes, settings: Json, environment: Mapping[str, str], decided: Json
) -> Attachments:
    """Read it to run with it; raises UsageError when it is not what was decided on."""
    given = read(wishes, settings, environment)
    if given.facts != decided:
        names = ", ".join([*wishes.image, *filter(None, [wishes.mcp_config])])
        raise UsageError(f"{names}: changed since the decision; start again")
    return given
