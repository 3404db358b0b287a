; Inno Setup recipe: packs dist\segstudio (made by PyInstaller) into an installer that needs no administrator.
#define Version "0.1.0"
[Setup]
AppId={{6E0A3E5B-8E0D-4C53-9C5A-5E65A7C1B5A1}
AppName=segstudio
AppVersion={#Version}
AppPublisher=The segstudio contributors
DefaultDirName={autopf}\segstudio
DefaultGroupName=segstudio
PrivilegesRequired=lowest
LicenseFile=..\..\LICENSE
OutputDir=..\..\dist
OutputBaseFilename=segstudio-{#Version}-setup
Compression=lzma2
SolidCompression=yes
ArchitecturesInstallIn64BitMode=x64compatible
[Files]
Source: "..\..\dist\segstudio\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion
[Icons]
Name: "{group}\segstudio"; Filename: "{app}\segstudio.exe"; Flags: runminimized
Name: "{group}\Uninstall segstudio"; Filename: "{uninstallexe}"
[Run]
Filename: "{app}\segstudio.exe"; Parameters: "doctor"; Flags: postinstall skipifsilent unchecked; Description: "Check this computer"
