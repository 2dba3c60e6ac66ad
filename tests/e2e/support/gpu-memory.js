// Counting a worker's GPU memory from the outside.

/**
 * What a worker's script begins with: it counts the bytes of buffers that were made and not destroyed, and says them on the channel
 * `gpu-memory` when it is asked.
 */
export function counting() {
  const sizes = new Map();
  const { createBuffer } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    sizes.set(buffer, descriptor.size);
    return buffer;
  };
  const { destroy } = GPUBuffer.prototype;
  GPUBuffer.prototype.destroy = function () {
    sizes.delete(this);
    return destroy.call(this);
  };
  const channel = new BroadcastChannel('gpu-memory');
  channel.onmessage = ({ data }) => {
    if (data === 'ask') channel.postMessage([...sizes.values()].reduce((sum, size) => sum + size, 0));
  };
}
