"""`files.*`: information, and uploads in three steps (URL, bytes, completion)."""

import mimetypes

from flowbot.sandbox.slack.context import Context
from flowbot.sandbox.slack.errors import SlackError
from flowbot.sandbox.slack.models import Json, Message, StoredFile
from flowbot.sandbox.slack.serializers import serialize_file
from flowbot.sandbox.slack.webapi import arguments
from flowbot.sandbox.slack.workspace import generate_id


def get_file(context: Context, args: arguments.FileRef) -> Json:
    """Return a file's details (`files.info`)."""
    stored = context.workspace.find_file(args.file)
    if stored is None:
        raise SlackError("file_not_found")
    return {"file": serialize_file(stored, context.origin, context.workspace.team.id), "comments": []}


def get_upload_url(context: Context, args: arguments.UploadUrl) -> Json:
    """Announce a file of a name and a length in bytes (`files.getUploadURLExternal`)."""
    if args.length <= 0:
        raise SlackError("invalid_arguments")
    file_id = generate_id("F")
    context.uploads[file_id] = {"name": args.filename, "length": args.length, "content": None}
    return {"upload_url": f"{context.origin}/upload/v1/{file_id}", "file_id": file_id}


def receive_upload(context: Context, file_id: str, content: bytes) -> bool:
    """Take the bytes of an announced file; return False if it was not announced or the length differs."""
    announced = context.uploads.get(file_id)
    if announced is None or announced["length"] != len(content):
        return False
    announced["content"] = content
    return True


def complete_upload(context: Context, args: arguments.CompleteUpload) -> Json:
    """Store the files and share them in the channel, if one is named (`files.completeUploadExternal`)."""
    if any(context.uploads.get(str(f.get("id")), {}).get("content") is None for f in args.files):
        raise SlackError("file_not_found")
    channel = context.workspace.get_bot_channel(args.channel_id) if args.channel_id else None
    stored = [_store(context, wanted) for wanted in args.files]
    if channel is not None:
        for file in stored:
            file.channels.append(channel.id)
        context.mutations.post_message(
            Message(
                ts=context.workspace.next_ts(),
                channel=channel.id,
                user=context.workspace.bot.id,
                text=args.initial_comment or ", ".join(file.title for file in stored),
                bot_id=context.workspace.bot_id,
                thread_ts=args.thread_ts,
            )
        )
    return {"files": [serialize_file(file, context.origin, context.workspace.team.id) for file in stored]}


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
