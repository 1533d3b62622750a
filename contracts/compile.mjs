// Compiles our Solidity (src/, test/) and gathers the ERC-3643 artifacts the deployer needs, all into build/.
// Usage: node compile.mjs [--force]. Deterministic: same sources and packages give the same bytes.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(fileURLToPath(import.meta.url));
const BUILD = join(ROOT, "build");
const MODULES = join(ROOT, "node_modules");
const MANIFEST = join(BUILD, "manifest.json");

// The settings are part of the contract's address on chain: change them only with a new deployment.
const SETTINGS = {
  evmVersion: "cancun",
  optimizer: { enabled: true, runs: 10_000 },
  metadata: { bytecodeHash: "none" },
  outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
};

const TREX = "@tokenysolutions/t-rex/artifacts/contracts";
const ONCHAINID = "@onchain-id/solidity/artifacts/contracts";
// Names under build/trex/. ONCHAINID's ImplementationAuthority and T-REX's are two contracts with two names.
const SUITE = {
  Token: `${TREX}/token/Token.sol`,
  IToken: `${TREX}/token/IToken.sol`,
  ClaimTopicsRegistry: `${TREX}/registry/implementation/ClaimTopicsRegistry.sol`,
  IdentityRegistry: `${TREX}/registry/implementation/IdentityRegistry.sol`,
  IdentityRegistryStorage: `${TREX}/registry/implementation/IdentityRegistryStorage.sol`,
  TrustedIssuersRegistry: `${TREX}/registry/implementation/TrustedIssuersRegistry.sol`,
  ModularCompliance: `${TREX}/compliance/modular/ModularCompliance.sol`,
  TREXFactory: `${TREX}/factory/TREXFactory.sol`,
  TREXImplementationAuthority: `${TREX}/proxy/authority/TREXImplementationAuthority.sol`,
  IAFactory: `${TREX}/proxy/authority/IAFactory.sol`,
  DVDTransferManager: `${TREX}/DVD/DVDTransferManager.sol`,
  IIdentityRegistry: `${TREX}/registry/interface/IIdentityRegistry.sol`,
  IIdentityRegistryStorage: `${TREX}/registry/interface/IIdentityRegistryStorage.sol`,
  IClaimTopicsRegistry: `${TREX}/registry/interface/IClaimTopicsRegistry.sol`,
  ITrustedIssuersRegistry: `${TREX}/registry/interface/ITrustedIssuersRegistry.sol`,
  IModularCompliance: `${TREX}/compliance/modular/IModularCompliance.sol`,
  AgentRole: `${TREX}/roles/AgentRole.sol`,
  Identity: `${ONCHAINID}/Identity.sol`,
  IdentityProxy: `${ONCHAINID}/proxy/IdentityProxy.sol`,
  ClaimIssuer: `${ONCHAINID}/ClaimIssuer.sol`,
  ImplementationAuthority: `${ONCHAINID}/proxy/ImplementationAuthority.sol`,
  IdFactory: `${ONCHAINID}/factory/IdFactory.sol`,
  IIdentity: `${ONCHAINID}/interface/IIdentity.sol`,
  IClaimIssuer: `${ONCHAINID}/interface/IClaimIssuer.sol`,
};

class CompileError extends Error {}

function packageJson(name) {
  const path = join(MODULES, name, "package.json");
  if (!existsSync(path)) throw new CompileError(`${name} is not installed: run "npm ci --ignore-scripts" in contracts/`);
  return JSON.parse(readFileSync(path, "utf8"));
}

function solidityFiles(folder) {
  const path = join(ROOT, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path).filter((f) => f.endsWith(".sol")).sort().map((f) => `${folder}/${f}`);
}

function readSources() {
  const paths = [...solidityFiles("src"), ...solidityFiles("test")];
  return Object.fromEntries(paths.map((p) => [p, { content: readFileSync(join(ROOT, p), "utf8") }]));
}

/** Digest of everything the output depends on; a build with the same digest is not repeated. */
function inputDigest(sources) {
  const versions = ["solc", "@openzeppelin/contracts", "@tokenysolutions/t-rex", "@onchain-id/solidity"].map(
    (name) => `${name}@${packageJson(name).version}`,
  );
  const script = readFileSync(fileURLToPath(import.meta.url), "utf8");
  return createHash("sha256").update(JSON.stringify({ sources, SETTINGS, versions, script })).digest("hex");
}

function writeJson(path, value) {
  mkdirSync(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}.tmp`;
  writeFileSync(partial, `${JSON.stringify(value, null, 1)}\n`);
  renameSync(partial, path); // readers never see half a file
}

function upToDate(digest) {
  if (process.argv.includes("--force") || !existsSync(MANIFEST)) return false;
  const manifest = JSON.parse(readFileSync(MANIFEST, "utf8"));
  return manifest.digest === digest && manifest.files.every((f) => existsSync(join(BUILD, f)));
}

function compile(sources) {
  const solc = createRequire(import.meta.url)("solc");
  const resolveImport = (path) => {
    const file = join(MODULES, path);
    return existsSync(file) ? { contents: readFileSync(file, "utf8") } : { error: `no such import: ${path}` };
  };
  const input = JSON.stringify({ language: "Solidity", sources, settings: SETTINGS });
  const output = JSON.parse(solc.compile(input, { import: resolveImport }));
  const ours = (m) => m.severity === "error" || /^(src|test)\//.test(m.sourceLocation?.file ?? "");
  const messages = (output.errors ?? []).filter(ours);
  for (const message of messages) console.error(message.formattedMessage.trimEnd());
  const errors = messages.filter((m) => m.severity === "error").length;
  if (errors) throw new CompileError(`${errors} Solidity error${errors > 1 ? "s" : ""}, nothing written`);
  return { contracts: output.contracts ?? {}, version: solc.version() };
}

/** build/<Name>.json for src/, build/test/<Name>.json for test/; dependencies' contracts are left out. */
function writeOurs({ contracts, version }, sources) {
  const files = [];
  for (const path of Object.keys(sources)) {
    for (const [name, contract] of Object.entries(contracts[path] ?? {})) {
      const file = path.startsWith("test/") ? `test/${name}.json` : `${name}.json`;
      writeJson(join(BUILD, file), {
        contractName: name,
        source: path,
        solc: version,
        abi: contract.abi,
        bytecode: `0x${contract.evm.bytecode.object}`,
        deployedBytecode: `0x${contract.evm.deployedBytecode.object}`,
      });
      files.push(file);
    }
  }
  return files;
}

function writeSuite() {
  return Object.entries(SUITE).map(([name, source]) => {
    const path = join(MODULES, source, `${name}.json`);
    if (!existsSync(path)) throw new CompileError(`missing artifact ${source}/${name}.json: run "npm ci --ignore-scripts"`);
    const { abi, bytecode } = JSON.parse(readFileSync(path, "utf8"));
    const owner = source.split("/").slice(0, 2).join("/");
    const package_ = `${owner}@${packageJson(owner).version}`;
    writeJson(join(BUILD, "trex", `${name}.json`), { contractName: name, package: package_, abi, bytecode });
    return `trex/${name}.json`;
  });
}

function main() {
  const sources = readSources();
  const digest = inputDigest(sources);
  if (upToDate(digest)) return console.log("contracts: up to date");
  const output = compile(sources);
  const files = [...writeOurs(output, sources), ...writeSuite()].sort();
  writeJson(MANIFEST, { digest, solc: output.version, settings: SETTINGS, files });
  console.log(`contracts: ${files.length} artifacts in contracts/build (solc ${output.version})`);
}

try {
  main();
} catch (error) {
  if (!(error instanceof CompileError)) throw error;
  console.error(`contracts: ${error.message}`);
  process.exit(1);
}
