from django.db import migrations


def forget_genomes(apps, schema_editor):
    """Their rows held fewer columns; the next training run, or the customer's next order, works them out anew."""
    apps.get_model("personalization", "Genome").objects.using(schema_editor.connection.alias).all().delete()


class Migration(migrations.Migration):
    dependencies = [("personalization", "0002_near_products")]
    operations = [migrations.RunPython(forget_genomes, migrations.RunPython.noop, elidable=True)]
