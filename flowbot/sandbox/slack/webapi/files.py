"""`files.*`: information, and uploads in three steps (URL, bytes, completion)."""

import mimetypes

from flowbot.sandbox.slack.context import Core
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.models import Json, Message, StoredFile
from flowbot.sandbox.slack.serializers import file_object
from flowbot.sandbox.slack.webapi import arguments as a
from flowbot.sandbox.slack.workspace import new_id


def info(core: Core, args: a.FileRef) -> Json:
    """`files.info`."""
    stored = core.workspace.files.get(args.file)
    if stored is None:
        raise SlackError("file_not_found")
    return {"file": file_object(stored, core.origin, core.workspace.team.id), "comments": []}


def get_upload_url(core: Core, args: a.UploadUrl) -> Json:
    """`files.getUploadURLExternal`: announces a file of a name and a length in bytes."""
    if args.length <= 0:
        raise SlackError("invalid_arguments")
    file_id = new_id("F")
    core.uploads[file_id] = {"name": args.filename, "length": args.length, "content": None}
    return {"upload_url": f"{core.origin}/upload/v1/{file_id}", "file_id": file_id}


def receive(core: Core, file_id: str, content: bytes) -> bool:
    """Take the bytes of an announced file; False if it was not announced or the length differs."""
    announced = core.uploads.get(file_id)
    if announced is None or announced["length"] != len(content):
        return False
    announced["content"] = content
    return True


def complete_upload(core: Core, args: a.CompleteUpload) -> Json:
    """`files.completeUploadExternal`: stores the files and shares them in a channel, if one is named."""
    if any(core.uploads.get(str(f.get("id")), {}).get("content") is None for f in args.files):
        raise SlackError("file_not_found")
    channel = core.workspace.channel_for_bot(args.channel_id) if args.channel_id else None
    stored = [_store(core, wanted) for wanted in args.files]
    if channel is not None:
        _share(core, channel.id, stored, args)
    return {"files": [file_object(s, core.origin, core.workspace.team.id) for s in stored]}


def _store(core: Core, wanted: Json) -> StoredFile:
    upload = core.uploads.pop(wanted["id"])
    kind = mimetypes.guess_type(upload["name"])[0] or "application/octet-stream"
    stored = StoredFile(wanted["id"], upload["name"], kind, upload["content"], core.workspace.bot.id, core.clock.now())
    stored.ready_at = core.clock.now() + core.workspace.file_seconds
    stored.title = str(wanted.get("title") or upload["name"])
    core.workspace.files[stored.id] = stored
    return stored


def _share(core: Core, channel_id: str, files: list[StoredFile], args: a.CompleteUpload) -> None:
    for stored in files:
        stored.channels.append(channel_id)
    names = ", ".join(stored.title for stored in files)
    core.stage.post(
        Message(
            ts=core.workspace.new_ts(),
            channel=channel_id,
            user=core.workspace.bot.id,
            text=args.initial_comment or names,
            bot_id=core.workspace.bot_id,
            thread_ts=args.thread_ts,
        )
    )
