#pragma once

#include <random>
#include <string>
#include <vector>

namespace rigsim::configs::test {

/// Where something stands in a machine's PCIe trees. Below a root complex come up to two levels of
/// switches; top -1: none, the device is on a port of the root complex.
struct Spot {
  int socket = 0;
  int root = 0;  ///< within the machine
  int top = -1;
  int leaf = 0;  ///< within the machine; one leaf alone below a top is the top itself
};

/// A machine whose every pair is known, to be written in the formats of different tools.
struct GeneratedMachine {
  std::string shape;
  std::string device;   ///< catalogue name
  std::string product;  ///< as drivers print it
  std::string pci_id;   ///< "10de:2204"
  std::vector<Spot> gpus;
  std::vector<Spot> nics;
  std::vector<std::vector<std::string>> peers;  ///< [gpus x gpus]: "NV4", "XGMI" or empty

  [[nodiscard]] std::size_t size() const { return gpus.size() + nics.size(); }
  [[nodiscard]] const Spot& spot(std::size_t i) const {
    return i < gpus.size() ? gpus[i] : nics[i - gpus.size()];
  }
  /// "gpu3" or "nic0", as importers name them.
  [[nodiscard]] std::string name(std::size_t i) const;
  /// How two of them are joined: "X", "NV4", "PIX", "PXB", "PHB", "NODE", "SYS".
  [[nodiscard]] std::string path(std::size_t a, std::size_t b) const;
  /// The same without peer links.
  [[nodiscard]] std::string pcie_path(std::size_t a, std::size_t b) const;
};

/// The PCI address of its device `i`.
[[nodiscard]] std::string bus_id(std::size_t i);

/// One card; two on a host bridge; four in bridged pairs; eight behind four switches on two
/// sockets; eight on an NVSwitch with NICs; eight in an xGMI mesh; a mixture; sixteen below two
/// levels of switches.
[[nodiscard]] std::vector<GeneratedMachine> eight_shapes();

/// How a driver of some year and a paste somewhere make `nvidia-smi topo -m` look.
struct SmiStyle {
  bool tabs = true;
  bool ansi = false;
  bool affinities = true;
  bool gpu_numa = true;    ///< the column "GPU NUMA ID" of newer drivers
  bool old_names = false;  ///< SOC for SYS, mlx5_0 for NIC0
  bool nic_rows = true;
  bool legend = true;
  bool carriage_returns = false;
  bool prompt = false;
  bool shuffled = false;
};
[[nodiscard]] SmiStyle random_style(std::mt19937& random);

[[nodiscard]] std::string smi_topo(const GeneratedMachine& machine, const SmiStyle& style,
                                   std::mt19937& random);
[[nodiscard]] std::string smi_csv(const GeneratedMachine& machine);
/// What NCCL dumps, children of each element in random order.
[[nodiscard]] std::string nccl_xml(const GeneratedMachine& machine, std::mt19937& random);
[[nodiscard]] std::string hwloc_xml(const GeneratedMachine& machine);
/// GPUs alone; `sections` may lack weights, hops or types, one letter each of "wht".
[[nodiscard]] std::string rocm_smi(const GeneratedMachine& machine, const std::string& sections,
                                   std::mt19937& random);

}  // namespace rigsim::configs::test
