"""A flow's fields, spelt once for the tests: their labels, what is typed, and what Enkapush gets and shows."""

from typing import Any, Final, NamedTuple


class FieldCase(NamedTuple):
    """A field of the form, typed into a new flow and changed in one that `form_steps.add_flow` made.

    Attributes:
        label, turkish: Its labels.
        wire: Its name at Enkapush.
        typed, sent: What is typed into a new flow, and what Enkapush gets; None where a test does that itself.
        changed, changed_sent: The same of an edit.
    """

    label: str
    turkish: str
    wire: str
    typed: Any = None
    sent: str | None = None
    changed: Any = None
    changed_sent: str | None = None


FIELD_CASES: Final = (
    FieldCase("Website", "Web sitesi", "website_id", "Lale Moda", "1"),
    FieldCase("Name", "Ad", "name", "Bahar İndirimi 🌷", "Bahar İndirimi 🌷", "New name", "New name"),
    FieldCase(
        "Title", "Başlık", "title", "Bahar geldi & <hoş> geldi!", "Bahar geldi & <hoş> geldi!",
        "Yeni başlık 🎉", "Yeni başlık 🎉",
    ),
    FieldCase(
        "Description", "Açıklama", "description", "İlk satır\nİkinci satır: ığüşöç", "İlk satır\nİkinci satır: ığüşöç",
        "Two\nlines", "Two\nlines",
    ),
    FieldCase(
        "URL", "URL", "url", "https://lale.example/bahar?a=1&b=2", "https://lale.example/bahar?a=1&b=2", None, "",
    ),
    FieldCase("Image", "Görsel", "image"),
    FieldCase("Wait", "Bekleme", "wait_time", "90", "90", "4", "4"),
    FieldCase("Wait unit", "Bekleme birimi", "wait_time_type", "minutes", "minutes", "days", "days"),
    FieldCase("Segment", "Segment", "segment", "VIP (0)", None, "VIP (0)", "1"),
    FieldCase("Button 1 title", "Düğme 1 başlığı", "button_title_1", "Göz at", "Göz at", "Press", "Press"),
    FieldCase(
        "Button 1 URL", "Düğme 1 URL'si", "button_url_1", "https://lale.example/yeni", "https://lale.example/yeni",
        "https://lale.example/2", "https://lale.example/2",
    ),
    FieldCase("Button 2 title", "Düğme 2 başlığı", "button_title_2", "Sonra", "Sonra"),
    FieldCase(
        "Button 2 URL", "Düğme 2 URL'si", "button_url_2", "http://lale.example/sonra", "http://lale.example/sonra",
    ),
    FieldCase("Silent", "Sessiz", "is_silent", True, "1", False, "0"),
    FieldCase("Auto-hide", "Otomatik gizleme", "is_auto_hide", True, "1", True, "1"),
    FieldCase("Time to live", "Geçerlilik süresi", "ttl", "3 days", "259200", "1 hour", "3600"),
    FieldCase("UTM source", "UTM kaynağı", "utm_source", "enkapush", "enkapush", "a", "a"),
    FieldCase("UTM medium", "UTM aracı", "utm_medium", "web push", "web push", "b", "b"),
    FieldCase("UTM campaign", "UTM kampanyası", "utm_campaign", "bahar=2026&x", "bahar=2026&x", "c", "c"),
)  # fmt: skip
"""All fields, in the form's order."""
LABELS: Final = tuple(case.label for case in FIELD_CASES)
TURKISH_LABELS: Final = tuple(case.turkish for case in FIELD_CASES)
DOCUMENTED_FLOW: Final[dict[str, Any]] = {
    "id": 1,
    "user_id": 1,
    "website_id": 1,
    "name": "Example",
    "title": "Sample message",
    "description": "This is coming from the API.",
    "url": "https://example.com",
    "image_url": None,
    "settings": {
        "ttl": 2419200,
        "urgency": "normal",
        "is_silent": 0,
        "is_auto_hide": 0,
        "button_title_1": "",
        "button_url_1": "",
        "button_title_2": "",
        "button_url_2": "",
    },
    "wait_time": 3,
    "wait_time_type": "days",
    "is_enabled": True,
    "total_sent_push_notifications": 0,
    "total_displayed_push_notifications": 0,
    "total_clicked_push_notifications": 0,
    "total_closed_push_notifications": 0,
    "last_sent_datetime": None,
    "last_datetime": None,
    "datetime": "2025-09-16 23:05:58",
}
"""A flow as Enkapush shows it (the API's page "Akışlar", `GET /flows/{flow_id}`)."""
