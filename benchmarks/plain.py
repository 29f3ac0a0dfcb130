"""The script that people write today: a call per fact, a page and a signature per version."""

from __future__ import annotations

import html
import io
import sys
from pathlib import Path


def main(folder: Path) -> None:
    import dvc.api
    import mlflow
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import signers
    from weasyprint import HTML

    uri = f"sqlite:///{folder / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = mlflow.MlflowClient()
    keys, output = folder / "keys", folder / "plain"
    output.mkdir()
    signer = signers.SimpleSigner.load(
        str(keys / "seal.key"), str(keys / "seal.pem"), ca_chain_files=(str(keys / "ca.pem"),)
    )
    for found in client.search_model_versions("name = 'credit'"):
        version = client.get_model_version("credit", found.version)
        run = client.get_run(version.run_id)
        client.get_logged_model(version.source.removeprefix("models:/"))
        commit = run.data.tags["mlflow.source.git.commit"]
        facts = {
            "version": version.version,
            "commit": commit,
            "params": dvc.api.params_show(repo=str(folder / "project"), rev=commit),
            "data": dvc.api.get_url("data/raw.csv", repo=str(folder / "project"), rev=commit),
            **run.data.params,
            **run.data.metrics,
        }
        rows = "".join(
            f"<tr><td>{k}</td><td>{html.escape(str(v))}</td></tr>" for k, v in facts.items()
        )
        pdf = HTML(string=f"<h1>credit {version.version}</h1><table>{rows}</table>").write_pdf()
        with (output / f"{version.version}.pdf").open("wb") as target:
            signers.sign_pdf(
                IncrementalPdfFileWriter(io.BytesIO(pdf)),
                signers.PdfSignatureMetadata(field_name="Seal"),
                signer,
                output=target,
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
