"""`files.*`: information, and uploads in three steps (URL, bytes, completion)."""

import mimetypes

from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.models import Json, Message, StoredFile
from flowbot.sandbox.slack.serializers import serialize_file
from flowbot.sandbox.slack.webapi import arguments as a
from flowbot.sandbox.slack.workspace import generate_id


def info(context: Context, args: a.FileRef) -> Json:
    """`files.info`."""
    stored = context.workspace.files.get(args.file)
    if stored is None:
        raise SlackError("file_not_found")
    return {"file": serialize_file(stored, context.origin, context.workspace.team.id), "comments": []}


def get_upload_url(context: Context, args: a.UploadUrl) -> Json:
    """`files.getUploadURLExternal`: announces a file of a name and a length in bytes."""
    if args.length <= 0:
        raise SlackError("invalid_arguments")
    file_id = generate_id("F")
    context.uploads[file_id] = {"name": args.filename, "length": args.length, "content": None}
    return {"upload_url": f"{context.origin}/upload/v1/{file_id}", "file_id": file_id}


def receive_upload(context: Context, file_id: str, content: bytes) -> bool:
    """Take the bytes of an announced file; False if it was not announced or the length differs."""
    announced = context.uploads.get(file_id)
    if announced is None or announced["length"] != len(content):
        return False
    announced["content"] = content
    return True


def complete_upload(context: Context, args: a.CompleteUpload) -> Json:
    """`files.completeUploadExternal`: stores the files and shares them in a channel, if one is named."""
    if any(context.uploads.get(str(f.get("id")), {}).get("content") is None for f in args.files):
        raise SlackError("file_not_found")
    channel = context.workspace.get_bot_channel(args.channel_id) if args.channel_id else None
    stored = [_store(context, wanted) for wanted in args.files]
    if channel is not None:
        _share(context, channel.id, stored, args)
    return {"files": [serialize_file(s, context.origin, context.workspace.team.id) for s in stored]}


def _store(context: Context, wanted: Json) -> StoredFile:
    upload = context.uploads.pop(wanted["id"])
    kind = mimetypes.guess_type(upload["name"])[0] or "application/octet-stream"
    stored = StoredFile(
        wanted["id"], upload["name"], kind, upload["content"], context.workspace.bot.id, context.clock.now()
    )
    stored.ready_at = context.clock.now() + context.workspace.file_processing_seconds
    stored.title = str(wanted.get("title") or upload["name"])
    context.workspace.files[stored.id] = stored
    return stored


def _share(context: Context, channel_id: str, files: list[StoredFile], args: a.CompleteUpload) -> None:
    for stored in files:
        stored.channels.append(channel_id)
    names = ", ".join(stored.title for stored in files)
    context.mutations.post_message(
        Message(
            ts=context.workspace.next_ts(),
            channel=channel_id,
            user=context.workspace.bot.id,
            text=args.initial_comment or names,
            bot_id=context.workspace.bot_id,
            thread_ts=args.thread_ts,
        )
    )
