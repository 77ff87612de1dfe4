// turnpike, a TURN server, on one virtual machine: azuredeploy.json once more,
// for who prefers Bicep. That file is the source of truth, and tests/azure
// compares the two. This one was not compiled where it was written, for want
// of a compiler there; the first thing to do with it is
//
//   az bicep build --file main.bicep --stdout >/dev/null
//
// doc/azure.md says how to use either.

@description('Where everything is made.')
param location string = resourceGroup().location

@description('The virtual machine\'s name; those of its parts begin with it.')
@minLength(1)
@maxLength(40)
param name string = 'turnpike'

@description('A size that has accelerated networking: 2 virtual CPUs or more.')
param size string = 'Standard_D2s_v5'

@description('The system; the package must have been built on the same one.')
@allowed([
  'debian-12'
  'ubuntu-22.04'
  'ubuntu-24.04'
])
param image string = 'debian-12'

@description('Whether the public address outlives a zone; false in a region without zones.')
param zoneRedundant bool = true

@description('Who logs in by SSH.')
param adminName string = 'turnpikeadmin'

@description('That person\'s SSH public key, as in id_ed25519.pub.')
param adminKey string

@description('The address or prefix that SSH is opened for, such as 198.51.100.7/32. Everywhere is taken for nowhere.')
@minLength(7)
param adminSource string

@description('The realm of the TURN server, usually a domain.')
@minLength(1)
@maxLength(127)
param realm string

@description('The TURN user that clients are given.')
@minLength(1)
@maxLength(127)
param userName string = 'turnpike'

@description('That user\'s password: a long random one.')
@secure()
@minLength(16)
@maxLength(256)
param userPassword string

@description('The first of the UDP ports that peers send to; the last one is 65535. Each session takes one.')
@minValue(1024)
@maxValue(65000)
param relayFirstPort int = 49152

@description('Whether the server may relay to Azure Communication Services\' media and to nobody else.')
param acsOnly bool = true

@description('https:// address of turnpike\'s Debian package; it may hold a signature, as of Azure Storage.')
@secure()
@minLength(9)
param packageUrl string

@description('That package\'s SHA-256, 64 hexadecimal digits.')
@minLength(64)
@maxLength(64)
param packageSha256 string

var publicAddressName = '${name}-ip'
var securityGroupName = '${name}-nsg'
var networkName = '${name}-vnet'
var subnetName = 'default'
var interfaceName = '${name}-nic'

var images = {
  'debian-12': {
    publisher: 'Debian'
    offer: 'debian-12'
    sku: '12-gen2'
    version: 'latest'
  }
  'ubuntu-22.04': {
    publisher: 'Canonical'
    offer: '0001-com-ubuntu-server-jammy'
    sku: '22_04-lts-gen2'
    version: 'latest'
  }
  'ubuntu-24.04': {
    publisher: 'Canonical'
    offer: 'ubuntu-24_04-lts'
    sku: 'server'
    version: 'latest'
  }
}

var everywhere = [
  '*'
  '0.0.0.0/0'
  '::/0'
  'Internet'
  'internet'
  'any'
  'Any'
]
var sshSource = contains(everywhere, adminSource) ? '127.0.0.1/32' : adminSource
var relayPorts = '${relayFirstPort}-65535'

var inboundRules = [
  {
    name: 'turn'
    properties: {
      description: 'Clients, by STUN and TURN over UDP.'
      priority: 100
      direction: 'Inbound'
      access: 'Allow'
      protocol: 'Udp'
      sourceAddressPrefix: '*'
      sourcePortRange: '*'
      destinationAddressPrefix: '*'
      destinationPortRange: '3478'
    }
  }
  {
    name: 'relay'
    properties: {
      description: 'Peers: their checks may come before ours leave.'
      priority: 110
      direction: 'Inbound'
      access: 'Allow'
      protocol: 'Udp'
      sourceAddressPrefix: '*'
      sourcePortRange: '*'
      destinationAddressPrefix: '*'
      destinationPortRange: relayPorts
    }
  }
  {
    name: 'ssh'
    properties: {
      description: 'The administrator.'
      priority: 120
      direction: 'Inbound'
      access: 'Allow'
      protocol: 'Tcp'
      sourceAddressPrefix: sshSource
      sourcePortRange: '*'
      destinationAddressPrefix: '*'
      destinationPortRange: '22'
    }
  }
  {
    name: 'nothing-else'
    properties: {
      description: 'Neither from the virtual network nor from load balancers.'
      priority: 4096
      direction: 'Inbound'
      access: 'Deny'
      protocol: '*'
      sourceAddressPrefix: '*'
      sourcePortRange: '*'
      destinationAddressPrefix: '*'
      destinationPortRange: '*'
    }
  }
]

var acsRules = [
  {
    name: 'acs-media'
    properties: {
      description: 'Azure Communication Services\' media, on whatever ports they are.'
      priority: 200
      direction: 'Outbound'
      access: 'Allow'
      protocol: 'Udp'
      sourceAddressPrefix: '*'
      sourcePortRange: '*'
      destinationAddressPrefix: '20.202.0.0/16'
      destinationPortRange: '*'
    }
  }
  {
    name: 'updates'
    properties: {
      description: 'Packages. What is relayed is UDP and never goes this way.'
      priority: 210
      direction: 'Outbound'
      access: 'Allow'
      protocol: 'Tcp'
      sourceAddressPrefix: '*'
      sourcePortRange: '*'
      destinationAddressPrefix: 'Internet'
      destinationPortRanges: [
        '80'
        '443'
      ]
    }
  }
  {
    name: 'nobody-else'
    properties: {
      description: 'A second wall behind the server\'s own peer rules.'
      priority: 4096
      direction: 'Outbound'
      access: 'Deny'
      protocol: '*'
      sourceAddressPrefix: '*'
      sourcePortRange: '*'
      destinationAddressPrefix: '*'
      destinationPortRange: '*'
    }
  }
]

var publicRules = [
  {
    name: 'no-virtual-network'
    properties: {
      description: 'A second wall behind the server\'s own peer rules.'
      priority: 200
      direction: 'Outbound'
      access: 'Deny'
      protocol: '*'
      sourceAddressPrefix: '*'
      sourcePortRange: '*'
      destinationAddressPrefix: 'VirtualNetwork'
      destinationPortRange: '*'
    }
  }
]

var preset = acsOnly ? 'acs' : 'public'
var realmText = replace(replace(realm, '\\', '\\\\'), '"', '\\"')
var userText = replace(replace(userName, '\\', '\\\\'), '"', '\\"')
var package = base64('${packageUrl}\n${toLower(packageSha256)}\n')
var cloudInit = loadTextContent('cloud-init.yaml')
var conf = loadTextContent('turnpike.conf')
var confOfServer = replace(replace(replace(replace(conf, '@FIRST_PORT@', string(relayFirstPort)), '@PRESET@', preset), '@REALM@', realmText), '@USER@', userText)

resource securityGroup 'Microsoft.Network/networkSecurityGroups@2023-09-01' = {
  name: securityGroupName
  location: location
  properties: {
    securityRules: concat(inboundRules, acsOnly ? acsRules : publicRules)
  }
}

resource publicAddress 'Microsoft.Network/publicIPAddresses@2023-09-01' = {
  name: publicAddressName
  location: location
  sku: {
    name: 'Standard'
    tier: 'Regional'
  }
  zones: zoneRedundant ? ['1', '2', '3'] : null
  properties: {
    publicIPAddressVersion: 'IPv4'
    publicIPAllocationMethod: 'Static'
    idleTimeoutInMinutes: 4
  }
}

resource network 'Microsoft.Network/virtualNetworks@2023-09-01' = {
  name: networkName
  location: location
  properties: {
    addressSpace: {
      addressPrefixes: [
        '10.0.0.0/24'
      ]
    }
    subnets: [
      {
        name: subnetName
        properties: {
          addressPrefix: '10.0.0.0/24'
        }
      }
    ]
  }
}

resource interface 'Microsoft.Network/networkInterfaces@2023-09-01' = {
  name: interfaceName
  location: location
  properties: {
    enableAcceleratedNetworking: true
    networkSecurityGroup: {
      id: securityGroup.id
    }
    ipConfigurations: [
      {
        name: 'primary'
        properties: {
          privateIPAllocationMethod: 'Dynamic'
          subnet: {
            id: resourceId('Microsoft.Network/virtualNetworks/subnets', network.name, subnetName)
          }
          publicIPAddress: {
            id: publicAddress.id
          }
        }
      }
    ]
  }
}

resource machine 'Microsoft.Compute/virtualMachines@2023-09-01' = {
  name: name
  location: location
  properties: {
    hardwareProfile: {
      vmSize: size
    }
    storageProfile: {
      imageReference: images[image]
      osDisk: {
        createOption: 'FromImage'
        deleteOption: 'Delete'
        managedDisk: {
          storageAccountType: 'StandardSSD_LRS'
        }
      }
    }
    osProfile: {
      computerName: name
      adminUsername: adminName
      customData: base64(replace(replace(cloudInit, '@PACKAGE@', package), '@CONF@', base64(replace(replace(confOfServer, '@ADDRESS@', publicAddress.properties.ipAddress), '@PASSWORD@', replace(replace(userPassword, '\\', '\\\\'), '"', '\\"')))))
      linuxConfiguration: {
        disablePasswordAuthentication: true
        ssh: {
          publicKeys: [
            {
              path: '/home/${adminName}/.ssh/authorized_keys'
              keyData: adminKey
            }
          ]
        }
      }
    }
    networkProfile: {
      networkInterfaces: [
        {
          id: interface.id
          properties: {
            deleteOption: 'Delete'
          }
        }
      ]
    }
    diagnosticsProfile: {
      bootDiagnostics: {
        enabled: true
      }
    }
  }
}

output publicAddress string = publicAddress.properties.ipAddress
output turnUri string = 'turn:${publicAddress.properties.ipAddress}:3478'
output ssh string = 'ssh ${adminName}@${publicAddress.properties.ipAddress}'
