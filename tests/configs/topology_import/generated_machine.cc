#include "tests/configs/topology_import/generated_machine.h"

#include <utility>

namespace rigsim::configs::test {
namespace {

GeneratedMachine nvidia(std::string shape, std::string device, std::string product,
                        std::string pci_id, std::size_t gpus) {
  GeneratedMachine machine{
      std::move(shape), std::move(device), std::move(product), std::move(pci_id), {}, {}, {}};
  machine.gpus.resize(gpus);
  machine.peers.assign(gpus, std::vector<std::string>(gpus));
  return machine;
}

void join(GeneratedMachine& machine, std::size_t a, std::size_t b, const std::string& link) {
  machine.peers[a][b] = machine.peers[b][a] = link;
}

void join_all(GeneratedMachine& machine, const std::string& link) {
  for (std::size_t a = 0; a < machine.gpus.size(); ++a)
    for (std::size_t b = a + 1; b < machine.gpus.size(); ++b) join(machine, a, b, link);
}

/// Each GPU and its NIC behind a switch of their own, half of them on each socket.
void pair_with_nics(GeneratedMachine& machine) {
  for (int i = 0; i < 8; ++i) {
    machine.gpus[static_cast<std::size_t>(i)] = {i / 4, i, i, i};
    machine.nics.push_back({i / 4, i, i, i});
  }
}

GeneratedMachine mixture() {
  GeneratedMachine machine = nvidia("mixed", "rtx-a6000", "NVIDIA RTX A6000", "10de:2230", 6);
  machine.gpus = {{0, 0, 0, 0},  {0, 0, 0, 0}, {0, 0, -1, 0},
                  {0, 1, -1, 0}, {1, 2, 1, 1}, {1, 2, 1, 1}};
  machine.nics = {{1, 2, 1, 1}, {0, 1, -1, 0}};
  join(machine, 0, 1, "NV4");
  join(machine, 3, 4, "NV4");  // a bridge across the sockets
  return machine;
}

}  // namespace

std::string GeneratedMachine::name(std::size_t i) const {
  return i < gpus.size() ? "gpu" + std::to_string(i) : "nic" + std::to_string(i - gpus.size());
}

std::string GeneratedMachine::pcie_path(std::size_t a, std::size_t b) const {
  const Spot& x = spot(a);
  const Spot& y = spot(b);
  if (a == b) return "X";
  if (x.socket != y.socket) return "SYS";
  if (x.root != y.root) return "NODE";
  if (x.top < 0 || x.top != y.top) return "PHB";
  return x.leaf == y.leaf ? "PIX" : "PXB";
}

std::string GeneratedMachine::path(std::size_t a, std::size_t b) const {
  const bool both = a < gpus.size() && b < gpus.size();
  return both && !peers[a][b].empty() ? peers[a][b] : pcie_path(a, b);
}

std::string bus_id(std::size_t i) {
  const char* digits = "0123456789abcdef";
  return std::string("0000:") + digits[(i + 1) / 16] + digits[(i + 1) % 16] + ":00.0";
}

std::vector<GeneratedMachine> eight_shapes() {
  std::vector<GeneratedMachine> all;
  all.push_back(nvidia("one", "rtx-3090", "NVIDIA GeForce RTX 3090", "10de:2204", 1));
  all.push_back(
      nvidia("two on a host bridge", "rtx-4090", "NVIDIA GeForce RTX 4090", "10de:2684", 2));
  GeneratedMachine pairs =
      nvidia("four in bridged pairs", "rtx-3090", "NVIDIA GeForce RTX 3090", "10de:2204", 4);
  pairs.gpus = {{0, 0, -1, 0}, {0, 0, -1, 0}, {0, 1, -1, 0}, {0, 1, -1, 0}};
  join(pairs, 0, 2, "NV4");
  join(pairs, 1, 3, "NV4");
  all.push_back(pairs);
  GeneratedMachine switches =
      nvidia("eight behind four switches", "rtx-pro-6000-blackwell",
             "NVIDIA RTX PRO 6000 Blackwell Server Edition", "10de:2bb5", 8);
  for (int i = 0; i < 8; ++i)
    switches.gpus[static_cast<std::size_t>(i)] = {i / 4, i / 2, i / 2, i / 2};
  all.push_back(switches);
  GeneratedMachine hgx =
      nvidia("eight on an NVSwitch", "h100-sxm-80gb", "NVIDIA H100 80GB HBM3", "10de:2330", 8);
  pair_with_nics(hgx);
  join_all(hgx, "NV18");
  all.push_back(hgx);
  GeneratedMachine oam = nvidia("eight by xGMI", "mi300x", "AMD Instinct MI300X", "1002:74a1", 8);
  pair_with_nics(oam);
  join_all(oam, "XGMI");
  all.push_back(oam);
  all.push_back(mixture());
  GeneratedMachine sixteen = nvidia("sixteen", "l40s", "NVIDIA L40S", "10de:26b9", 16);
  for (int i = 0; i < 16; ++i)
    sixteen.gpus[static_cast<std::size_t>(i)] = {i / 8, i / 8, i / 8, i / 4};
  all.push_back(sixteen);
  return all;
}

}  // namespace rigsim::configs::test
