// Reads one object of KEDA as JSON and says what is wrong with it, if anything.
import { readFileSync } from "node:fs";
import * as kinds from "@kubernetes-models/keda/keda.sh/v1alpha1";

const manifest = JSON.parse(readFileSync(0, "utf8"));
try {
  new kinds[manifest.kind](manifest).validate();
} catch (error) {
  console.log(error.message);
}
