"""Where the shop's shelves and the pictures disagree: the predictions, a Delta table, joined with shop.csv.

python disagreements.py    # needs deltalake and pyarrow, and neither Nightsort nor pandas
"""

import pyarrow.compute as pc
from deltalake import DeltaTable
from pyarrow import Table, csv

COLUMNS = ["member", "label", "confidence", "abstained", "model_version"]


def disagreements(storage: str = "nightsort-data", shop: str = "shop.csv") -> Table:
    """Pictures that the model is sure to belong on another shelf, the surest first.

    :param storage: the storage root
    :param shop: CSV with picture, sku and category
    """
    predictions = DeltaTable(f"{storage}/predictions").to_pyarrow_table(columns=COLUMNS)
    newest = pc.equal(predictions["model_version"], pc.max(predictions["model_version"]))
    sure = predictions.filter(pc.and_(newest, pc.invert(predictions["abstained"])))
    joined = csv.read_csv(shop).join(sure, "picture", "member", join_type="inner")
    return joined.filter(pc.not_equal(joined["category"], joined["label"])).sort_by([("confidence", "descending")])


def main() -> None:
    """Print them."""
    for row in disagreements().to_pylist():
        print(f"{row['sku']}: on the shelf {row['category']}, looks like {row['label']} ({row['confidence']:.2f})")


if __name__ == "__main__":
    main()
