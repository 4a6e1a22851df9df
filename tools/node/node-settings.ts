/**
 * Settings of containerd, kubelet and kube-proxy for a node within a container: few rights, control groups of version 1 or
 * 2, no network beyond the node.
 * @module
 */

/** Of the node, and of what runs beside it. */
export const NODE_ADDRESS = '10.200.0.2'
/** Addresses of pods. */
const POD_ADDRESSES = '10.201.0.0/24'
/** Image of what holds a pod's namespaces open. */
export const PAUSE_IMAGE = 'localhost/agentos-pause:1'

/** @param cni folder of the plug-ins */
export function containerdSettings(folder: string, cni: string): string {
  return `version = 3
root = "${folder}/containerd"
state = "${folder}/run/containerd"
[grpc]
  address = "${folder}/run/containerd.sock"
[ttrpc]
  address = "${folder}/run/containerd.sock.ttrpc"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${PAUSE_IMAGE}"
[plugins."io.containerd.cri.v1.images".registry]
  config_path = "${folder}/registries"
[plugins."io.containerd.cri.v1.runtime"]
  # Scores below its own need a right that containers do not have.
  restrict_oom_score_adj = true
  disable_apparmor = true
  # In /run/netns they would outlive the mounts of this machine.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["${cni}"]
    conf_dir = "${folder}/cni"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      BinaryName = "runc"
      SystemdCgroup = false
`
}

/** For every registry: a port that refuses at once, where names would be asked for until that times out. */
export const NO_REGISTRY = `server = "http://${NODE_ADDRESS}:1"\n`

export function podNetwork(folder: string): unknown {
  const ipam = {
    type: 'host-local',
    dataDir: `${folder}/run/ipam`,
    ranges: [[{ subnet: POD_ADDRESSES }]],
    routes: [{ dst: '0.0.0.0/0' }],
  }
  const bridge = { type: 'bridge', bridge: 'cni0', isGateway: true, ipMasq: false, hairpinMode: true, ipam }
  return { cniVersion: '1.0.0', name: 'pods', plugins: [bridge] }
}

export function kubeletSettings(folder: string, cgroup: string): unknown {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: NODE_ADDRESS,
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    failCgroupV1: false,
    failSwapOn: false,
    cgroupsPerQOS: true,
    cgroupRoot: `/${cgroup}`,
    cgroupDriver: 'cgroupfs',
    enforceNodeAllocatable: [],
    oomScoreAdj: 0,
    containerRuntimeEndpoint: `unix://${folder}/run/containerd.sock`,
    resolvConf: `${folder}/resolv.conf`,
    clusterDomain: 'cluster.local',
    // A disk that is nearly full is the machine's own affair.
    evictionHard: {
      'nodefs.available': '0%',
      'nodefs.inodesFree': '0%',
      'imagefs.available': '0%',
      'memory.available': '50Mi',
    },
    imageGCHighThresholdPercent: 100,
    // Secrets that changed are looked at this often.
    syncFrequency: '2s',
    // A test that ends a container waits for its next start.
    crashLoopBackOff: { maxContainerRestartPeriod: '2s' },
  }
}

export function proxySettings(kubeconfig: string): unknown {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    bindAddress: '0.0.0.0',
    healthzBindAddress: '127.0.0.1:10256',
    metricsBindAddress: '127.0.0.1:10249',
    mode: 'nftables',
    clusterCIDR: POD_ADDRESSES,
    clientConnection: { kubeconfig },
    // The machine's own table of connections stays as it is.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  }
}
