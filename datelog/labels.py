"""The page's labels in English and Japanese, and the choice between them. Too few for a message catalog."""

from dataclasses import dataclass
from typing import Final

from django.utils.translation.trans_real import parse_accept_lang_header


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Every text of the page in one language."""

    language: str
    title: str
    save: str
    saved: str
    not_yet_listed: str
    not_saved: str
    newest_first: str
    older_times: str
    empty: str
    unreadable: str
    zone: str
    version: str
    newest: str
    older: str
    pages: str
    bad_link: str


ENGLISH: Final = Labels(
    language="en",
    title="Saved times",
    save="Save the current time",
    saved="Saved:",
    not_yet_listed="It will appear in the list in a moment.",
    not_saved="The time may not have been saved. Check the list before you try again.",
    newest_first="Newest first",
    older_times="Older times, newest first",
    empty="No saved times yet.",
    unreadable="The saved times cannot be read right now. Try again in a moment.",
    zone="Time zone:",
    version="Version:",
    newest="Newest times",
    older="Older times",
    pages="Pages",
    bad_link="This link is not valid. Showing the newest times.",
)

JAPANESE: Final = Labels(
    language="ja",
    title="保存された日時",
    save="現在の日時を保存",
    saved="保存しました：",
    not_yet_listed="まもなく一覧に表示されます。",
    not_saved="保存できなかった可能性があります。もう一度試す前に一覧を確認してください。",
    newest_first="新しい順",
    older_times="以前の日時（新しい順）",
    empty="保存された日時はまだありません。",
    unreadable="現在、保存された日時を読み込めません。しばらくしてからもう一度お試しください。",
    zone="タイムゾーン：",
    version="バージョン：",
    newest="最新の日時",
    older="以前の日時",
    pages="ページ",
    bad_link="このリンクは無効です。最新の日時を表示しています。",
)


def labels_for(accept_language: str) -> Labels:
    """Return the labels for an Accept-Language header; English when it has neither language."""
    for tag, _quality in parse_accept_lang_header(accept_language):
        match tag.split("-")[0]:
            case "ja":
                return JAPANESE
            case "en":
                return ENGLISH
    return ENGLISH
