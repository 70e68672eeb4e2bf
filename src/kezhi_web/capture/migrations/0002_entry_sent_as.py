"""A form that is sent twice is known again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("capture", "0001_initial")]

    operations = [
        migrations.AddField("entry", "sent_as", models.CharField(max_length=64, null=True, unique=True)),
    ]
