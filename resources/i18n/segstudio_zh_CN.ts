<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
 <context>
  <name>gui</name>
  <message>
   <source>{name}, object {number}</source>
   <translation>{name}，对象 {number}</translation>
  </message>
  <message>
   <source>window {window}  level {level}</source>
   <translation>窗宽 {window}  窗位 {level}</translation>
  </message>
  <message>
   <source>Line between the two models</source>
   <translation>两个模型之间的分界线</translation>
  </message>
  <message>
   <source>Drag, or press ← and →. Hold ↑ to swap the sides.</source>
   <translation>拖动，或按 ← 和 →。按住 ↑ 可互换两侧。</translation>
  </message>
  <message>
   <source>Looked at: %1 of this plane, %2 of all</source>
   <translation>已查看：本层面 %1，全部 %2</translation>
  </message>
  <message>
   <source>Looked at: %1</source>
   <translation>已查看：%1</translation>
  </message>
  <message>
   <source>Canvas</source>
   <translation>画布</translation>
  </message>
  <message>
   <source>The image with its labels; paint with the current tool</source>
   <translation>图像及其标注；用当前工具绘制</translation>
  </message>
  <message>
   <source>This image can't be shown</source>
   <translation>无法显示此图像</translation>
  </message>
  <message>
   <source>Drop image files, a folder or a project here, or add images from the File menu.</source>
   <translation>将图像文件、文件夹或项目拖到此处，或从“文件”菜单添加图像。</translation>
  </message>
  <message>
   <source>No image is open</source>
   <translation>未打开图像</translation>
  </message>
  <message>
   <source>Opening {name} …</source>
   <translation>正在打开 {name} …</translation>
  </message>
  <message>
   <source>Find a command</source>
   <translation>查找命令</translation>
  </message>
  <message>
   <source>Type a command: undo, propose, export, brush …</source>
   <translation>输入命令：撤销、预测、导出、画笔 …</translation>
  </message>
  <message>
   <source>Command</source>
   <translation>命令</translation>
  </message>
  <message>
   <source>Commands</source>
   <translation>命令</translation>
  </message>
  <message>
   <source>No command matches. Fewer letters find more.</source>
   <translation>没有匹配的命令。少输入几个字母可找到更多。</translation>
  </message>
  <message>
   <source>Copied “{text}”.</source>
   <translation>已复制“{text}”。</translation>
  </message>
  <message>
   <source>Double-click the new class to name it.</source>
   <translation>双击新类别为其命名。</translation>
  </message>
  <message>
   <source>Changing regions</source>
   <translation>正在修改区域</translation>
  </message>
  <message>
   <source>The model is at work already. Stop it first, or wait.</source>
   <translation>模型正在运行。请先停止或等待。</translation>
  </message>
  <message>
   <source>Comparing two models</source>
   <translation>正在比较两个模型</translation>
  </message>
  <message>
   <source>It was stopped.</source>
   <translation>已停止。</translation>
  </message>
  <message>
   <source>waiting</source>
   <translation>等待中</translation>
  </message>
  <message>
   <source>About segstudio</source>
   <translation>关于 segstudio</translation>
  </message>
  <message>
   <source>Label images with a model's help, then retrain it on your corrections.</source>
   <translation>借助模型标注图像，再用您的修正重新训练模型。</translation>
  </message>
  <message>
   <source>Free software under the Apache License 2.0. Qt and PySide6 are used under the LGPL 3, unchanged. Models carry licences of their own: see each model's card; “research use” marks those trained on data that is not free for every purpose.</source>
   <translation>依据 Apache 2.0 许可证发布的自由软件。Qt 与 PySide6 依据 LGPL 3 使用，未作改动。各模型有各自的许可证，见模型卡片；“仅限研究”表示其训练数据并非可用于任何用途。</translation>
  </message>
  <message>
   <source>Write augmented copies</source>
   <translation>写出增强副本</translation>
  </message>
  <message>
   <source>whole images</source>
   <translation>整幅图像</translation>
  </message>
  <message>
   <source>The training images themselves, too</source>
   <translation>同时包含训练图像本身</translation>
  </message>
  <message>
   <source>Choose…</source>
   <translation>选择…</translation>
  </message>
  <message>
   <source>Copies of each image</source>
   <translation>每幅图像的副本数</translation>
  </message>
  <message>
   <source>Size</source>
   <translation>大小</translation>
  </message>
  <message>
   <source>Into the folder</source>
   <translation>导出到文件夹</translation>
  </message>
  <message>
   <source>Only training images get copies; images for validation and testing are copied as they are. Masks and class list are written as by the export of PNG masks.</source>
   <translation>只有训练图像会生成副本；验证和测试图像原样复制。掩膜和类别表的写法与导出 PNG 掩膜相同。</translation>
  </message>
  <message>
   <source>Write</source>
   <translation>写出</translation>
  </message>
  <message>
   <source>Preview patches</source>
   <translation>预览裁块</translation>
  </message>
  <message>
   <source>Augmentation</source>
   <translation>增强</translation>
  </message>
  <message>
   <source>Paste from other patches</source>
   <translation>从其他裁块粘贴</translation>
  </message>
  <message>
   <source>Part of the patches pasted into</source>
   <translation>被粘贴的裁块比例</translation>
  </message>
  <message>
   <source>Steps as in the preset</source>
   <translation>恢复预设的步骤</translation>
  </message>
  <message>
   <source>Steps</source>
   <translation>步骤</translation>
  </message>
  <message>
   <source>Paste</source>
   <translation>粘贴</translation>
  </message>
  <message>
   <source>Share pasted</source>
   <translation>粘贴比例</translation>
  </message>
  <message>
   <source>Show labels</source>
   <translation>显示标注</translation>
  </message>
  <message>
   <source>Press the mouse on a patch to see it without labels</source>
   <translation>在裁块上按住鼠标可查看无标注的裁块</translation>
  </message>
  <message>
   <source>Use these</source>
   <translation>采用</translation>
  </message>
  <message>
   <source>Close</source>
   <translation>关闭</translation>
  </message>
  <message>
   <source>The next run is augmented so</source>
   <translation>下次训练按此增强</translation>
  </message>
  <message>
   <source>Another batch</source>
   <translation>换一批</translation>
  </message>
  <message>
   <source>Write copies…</source>
   <translation>写出副本…</translation>
  </message>
  <message>
   <source>Write augmented copies of the training images to a folder, for another program</source>
   <translation>将训练图像的增强副本写入文件夹，供其他程序使用</translation>
  </message>
  <message>
   <source>Making patches…</source>
   <translation>正在生成裁块…</translation>
  </message>
  <message>
   <source>%1 of %2 patches an epoch, %3 × %3 px</source>
   <translation>每轮 %2 个裁块中的 %1 个，%3 × %3 像素</translation>
  </message>
  <message>
   <source>ignored</source>
   <translation>忽略</translation>
  </message>
  <message>
   <source>Model catalog</source>
   <translation>模型目录</translation>
  </message>
  <message>
   <source>Search: name, class, use …</source>
   <translation>搜索：名称、类别、用途…</translation>
  </message>
  <message>
   <source>Search the catalog</source>
   <translation>搜索目录</translation>
  </message>
  <message>
   <source>Show</source>
   <translation>显示</translation>
  </message>
  <message>
   <source>Everything</source>
   <translation>全部</translation>
  </message>
  <message>
   <source>State</source>
   <translation>状态</translation>
  </message>
  <message>
   <source>In any state</source>
   <translation>任何状态</translation>
  </message>
  <message>
   <source>Nothing matches. Fewer letters, or another filter, find more.</source>
   <translation>没有匹配项。少输几个字母或换个筛选条件试试。</translation>
  </message>
  <message>
   <source>Install from file…</source>
   <translation>从文件安装…</translation>
  </message>
  <message>
   <source>Compare…</source>
   <translation>比较…</translation>
  </message>
  <message>
   <source>Download</source>
   <translation>下载</translation>
  </message>
  <message>
   <source>Train this network…</source>
   <translation>训练此网络…</translation>
  </message>
  <message>
   <source>Use for proposals</source>
   <translation>用于预测</translation>
  </message>
  <message>
   <source>Train with this encoder…</source>
   <translation>用此编码器训练…</translation>
  </message>
  <message>
   <source>Train on…</source>
   <translation>继续训练…</translation>
  </message>
  <message>
   <source>Open a project first.</source>
   <translation>请先打开项目。</translation>
  </message>
  <message>
   <source>Use for clicks</source>
   <translation>用于点击分割</translation>
  </message>
  <message>
   <source>Use for refining</source>
   <translation>用于细化</translation>
  </message>
  <message>
   <source>Encoder</source>
   <translation>编码器</translation>
  </message>
  <message>
   <source>No favourite any more</source>
   <translation>取消收藏</translation>
  </message>
  <message>
   <source>Make it a favourite</source>
   <translation>设为收藏</translation>
  </message>
  <message>
   <source>its own</source>
   <translation>自带</translation>
  </message>
  <message>
   <source>parameters</source>
   <translation>参数</translation>
  </message>
  <message>
   <source>multiply-adds for a tile of %1</source>
   <translation>次乘加（每个 %1 的分块）</translation>
  </message>
  <message>
   <source>of memory, about, for such a tile</source>
   <translation>内存（每个这样的分块，约）</translation>
  </message>
  <message numerus="yes">
   <source>multiply-adds for this image, in %n tile(s)</source>
   <translation>
    <numerusform>次乘加（当前图像，%n 个分块）</numerusform>
   </translation>
  </message>
  <message>
   <source>When to choose it</source>
   <translation>何时选用</translation>
  </message>
  <message>
   <source>research use: its data is not free for every purpose</source>
   <translation>仅限研究：其数据并非可用于任何用途</translation>
  </message>
  <message>
   <source>Network</source>
   <translation>网络</translation>
  </message>
  <message>
   <source>Classes</source>
   <translation>类别</translation>
  </message>
  <message>
   <source>Training</source>
   <translation>训练</translation>
  </message>
  <message>
   <source>Paper</source>
   <translation>论文</translation>
  </message>
  <message>
   <source>Data</source>
   <translation>数据</translation>
  </message>
  <message>
   <source>Licence</source>
   <translation>许可证</translation>
  </message>
  <message>
   <source>Held-out score</source>
   <translation>留出集得分</translation>
  </message>
  <message>
   <source>Source</source>
   <translation>来源</translation>
  </message>
  <message>
   <source>Id</source>
   <translation>标识</translation>
  </message>
  <message>
   <source>dilated at stride 8 or 16 as well</source>
   <translation>也可用步幅 8 或 16 的空洞版本</translation>
  </message>
  <message>
   <source>are on this computer</source>
   <translation>已在本机</translation>
  </message>
  <message>
   <source>are fetched by the first training that wants them</source>
   <translation>首次需要时在训练开始时下载</translation>
  </message>
  <message>
   <source>Strides</source>
   <translation>步幅</translation>
  </message>
  <message>
   <source>ImageNet weights</source>
   <translation>ImageNet 权重</translation>
  </message>
  <message>
   <source>For networks</source>
   <translation>适用网络</translation>
  </message>
  <message>
   <source>about %1 of memory, and %2 for each patch of %3 px in a batch</source>
   <translation>约 %1 内存，另加批次中每个 %3 像素裁块 %2</translation>
  </message>
  <message>
   <source>favourite</source>
   <translation>收藏</translation>
  </message>
  <message>
   <source>research use</source>
   <translation>仅限研究</translation>
  </message>
  <message>
   <source>weights are here</source>
   <translation>权重已在本机</translation>
  </message>
  <message>
   <source>weights come with the first training</source>
   <translation>权重在首次训练时获取</translation>
  </message>
  <message>
   <source>to download</source>
   <translation>待下载</translation>
  </message>
  <message>
   <source>ready</source>
   <translation>就绪</translation>
  </message>
  <message>
   <source>to be trained</source>
   <translation>待训练</translation>
  </message>
  <message>
   <source>can't be used here</source>
   <translation>此处无法使用</translation>
  </message>
  <message>
   <source>Models, networks and encoders</source>
   <translation>模型、网络与编码器</translation>
  </message>
  <message>
   <source>Match classes</source>
   <translation>匹配类别</translation>
  </message>
  <message>
   <source>What “%1” finds becomes …</source>
   <translation>“%1”识别的类别对应为 …</translation>
  </message>
  <message>
   <source>%1 (new class)</source>
   <translation>%1（新类别）</translation>
  </message>
  <message>
   <source>left out</source>
   <translation>忽略</translation>
  </message>
  <message>
   <source>Use this</source>
   <translation>使用</translation>
  </message>
  <message>
   <source>Leave all out</source>
   <translation>全部忽略</translation>
  </message>
  <message>
   <source>Cancel</source>
   <translation>取消</translation>
  </message>
  <message>
   <source>Compare two models</source>
   <translation>比较两个模型</translation>
  </message>
  <message>
   <source>Model on the left</source>
   <translation>左侧模型</translation>
  </message>
  <message>
   <source>Model on the right</source>
   <translation>右侧模型</translation>
  </message>
  <message>
   <source>Compared part</source>
   <translation>比较范围</translation>
  </message>
  <message>
   <source>The visible part</source>
   <translation>可见部分</translation>
  </message>
  <message>
   <source>The whole image</source>
   <translation>整幅图像</translation>
  </message>
  <message>
   <source>Of a wide view the middle, %1 megapixels</source>
   <translation>视野很大时取中间 %1 百万像素</translation>
  </message>
  <message>
   <source>Both propose on this image, one after the other. Nothing changes until you keep one of them.</source>
   <translation>两个模型先后对此图像预测。在您保留其中之一之前，不会改变任何内容。</translation>
  </message>
  <message>
   <source>Left</source>
   <translation>左</translation>
  </message>
  <message>
   <source>Right</source>
   <translation>右</translation>
  </message>
  <message>
   <source>On</source>
   <translation>范围</translation>
  </message>
  <message>
   <source>Compare</source>
   <translation>比较</translation>
  </message>
  <message>
   <source>Choose two different models.</source>
   <translation>请选择两个不同的模型。</translation>
  </message>
  <message>
   <source>What segstudio wrote down when it ended:</source>
   <translation>segstudio 退出时的记录：</translation>
  </message>
  <message>
   <source>segstudio did not end well last time. Every finished stroke is on disk; a report was kept.</source>
   <translation>segstudio 上次异常退出。所有已完成的笔画均已保存到磁盘；并保留了一份报告。</translation>
  </message>
  <message>
   <source>Show report</source>
   <translation>查看报告</translation>
  </message>
  <message>
   <source>Delete report</source>
   <translation>删除报告</translation>
  </message>
  <message>
   <source>Details</source>
   <translation>详细信息</translation>
  </message>
  <message>
   <source>Copy</source>
   <translation>复制</translation>
  </message>
  <message>
   <source>Check this computer</source>
   <translation>检查此计算机</translation>
  </message>
  <message>
   <source>Looking at versions, devices and folders…</source>
   <translation>正在检查版本、设备和文件夹…</translation>
  </message>
  <message>
   <source>What</source>
   <translation>项目</translation>
  </message>
  <message>
   <source>Found</source>
   <translation>结果</translation>
  </message>
  <message>
   <source>Remedy</source>
   <translation>解决办法</translation>
  </message>
  <message>
   <source>Checking this computer</source>
   <translation>正在检查此计算机</translation>
  </message>
  <message>
   <source>The check itself failed.</source>
   <translation>检查本身失败。</translation>
  </message>
  <message numerus="yes">
   <source>%n thing(s) need mending.</source>
   <translation>
    <numerusform>有 %n 项需要处理。</numerusform>
   </translation>
  </message>
  <message>
   <source>Everything is as it should be.</source>
   <translation>一切正常。</translation>
  </message>
  <message>
   <source>Evaluate a model</source>
   <translation>评估模型</translation>
  </message>
  <message>
   <source>Images</source>
   <translation>图像</translation>
  </message>
  <message>
   <source>Images that the model did not learn from say how good it is on new ones</source>
   <translation>模型未学习过的图像才能说明它对新图像的效果</translation>
  </message>
  <message>
   <source>Evaluate</source>
   <translation>评估</translation>
  </message>
  <message>
   <source>Compares what the model finds with the labels. Labels and proposals stay as they are.</source>
   <translation>将模型的结果与标注比较。标注和预测保持不变。</translation>
  </message>
  <message>
   <source>Model</source>
   <translation>模型</translation>
  </message>
  <message>
   <source>Scores by class</source>
   <translation>各类别得分</translation>
  </message>
  <message>
   <source>Summary</source>
   <translation>概要</translation>
  </message>
  <message>
   <source>Images, worst first</source>
   <translation>图像（最差在前）</translation>
  </message>
  <message>
   <source>Confusion</source>
   <translation>混淆矩阵</translation>
  </message>
  <message>
   <source>Calibration</source>
   <translation>校准</translation>
  </message>
  <message>
   <source>Double-click a row, or press Enter on it, to see the image.</source>
   <translation>双击一行，或在该行按回车键，即可查看图像。</translation>
  </message>
  <message>
   <source>Scores by image, the worst first</source>
   <translation>各图像得分，最差在前</translation>
  </message>
  <message>
   <source>Let the model propose there, and show where it differs from the labels</source>
   <translation>让模型在该图像上预测，并显示与标注不同之处</translation>
  </message>
  <message>
   <source>An image that has a proposal keeps it</source>
   <translation>已有预测的图像保留其预测</translation>
  </message>
  <message>
   <source>The model is sure to</source>
   <translation>模型的把握</translation>
  </message>
  <message>
   <source>It is right in</source>
   <translation>正确率</translation>
  </message>
  <message>
   <source>Pixels</source>
   <translation>像素</translation>
  </message>
  <message>
   <source>Export</source>
   <translation>导出</translation>
  </message>
  <message>
   <source>Everything as JSON…</source>
   <translation>全部导出为 JSON…</translation>
  </message>
  <message>
   <source>Images as CSV…</source>
   <translation>图像导出为 CSV…</translation>
  </message>
  <message>
   <source>Classes as CSV…</source>
   <translation>类别导出为 CSV…</translation>
  </message>
  <message>
   <source>Evaluate again, and write VOC result files…</source>
   <translation>再次评估，并写出 VOC 结果文件…</translation>
  </message>
  <message>
   <source>Stopping</source>
   <translation>正在停止</translation>
  </message>
  <message>
   <source>Choose a model.</source>
   <translation>请选择模型。</translation>
  </message>
  <message>
   <source>Evaluating %1</source>
   <translation>正在评估 %1</translation>
  </message>
  <message>
   <source>Nothing was evaluated.</source>
   <translation>没有进行评估。</translation>
  </message>
  <message>
   <source>Stop</source>
   <translation>停止</translation>
  </message>
  <message>
   <source>Loading the model</source>
   <translation>正在加载模型</translation>
  </message>
  <message numerus="yes">
   <source>%1 on %n image(s) or plane(s)</source>
   <translation>
    <numerusform>%1，%n 幅图像或切面</numerusform>
   </translation>
  </message>
  <message>
   <source>Written to %1.</source>
   <translation>已写入 %1。</translation>
  </message>
  <message>
   <source>Rows are the labels, columns what the model found: mistakes lie off the diagonal.</source>
   <translation>行是标注，列是模型的结果：对角线以外都是错误。</translation>
  </message>
  <message>
   <source>This kind of model does not say how sure it is of each pixel.</source>
   <translation>这类模型不给出每个像素的把握。</translation>
  </message>
  <message>
   <source>A model that is 80 % sure should be right in 80 % of such pixels. Expected calibration error: %1 (0 is best).</source>
   <translation>把握为 80 % 的像素应有 80 % 是正确的。期望校准误差：%1（0 最好）。</translation>
  </message>
  <message>
   <source>validation images</source>
   <translation>验证图像</translation>
  </message>
  <message>
   <source>test images</source>
   <translation>测试图像</translation>
  </message>
  <message>
   <source>training images</source>
   <translation>训练图像</translation>
  </message>
  <message>
   <source>This image is no longer in the project.</source>
   <translation>该图像已不在项目中。</translation>
  </message>
  <message>
   <source>Format</source>
   <translation>格式</translation>
  </message>
  <message>
   <source>What is written</source>
   <translation>写出的内容</translation>
  </message>
  <message>
   <source>What the format cannot hold</source>
   <translation>该格式无法保存的内容</translation>
  </message>
  <message>
   <source>How many</source>
   <translation>数量</translation>
  </message>
  <message>
   <source>Writing a few images to look at…</source>
   <translation>正在写出几张图像以供查看…</translation>
  </message>
  <message>
   <source>Counting what the format cannot hold…</source>
   <translation>正在统计该格式无法保存的内容…</translation>
  </message>
  <message>
   <source>Counting what the format cannot hold… %1 left</source>
   <translation>正在统计该格式无法保存的内容… 还剩 %1</translation>
  </message>
  <message>
   <source>Not everything fits. The labels in the project stay as they are.</source>
   <translation>并非全部内容都能保存。项目中的标注保持不变。</translation>
  </message>
  <message>
   <source>Export all the same</source>
   <translation>仍然导出</translation>
  </message>
  <message>
   <source>Nothing is lost: the format holds all of these labels.</source>
   <translation>没有损失：该格式可保存所有这些标注。</translation>
  </message>
  <message>
   <source>%1 of %2 images as %3</source>
   <translation>%2 张图像中的 %1 张，格式为 %3</translation>
  </message>
  <message>
   <source>There is no image to show.</source>
   <translation>没有可显示的图像。</translation>
  </message>
  <message>
   <source>Holds %1.</source>
   <translation>可保存：%1。</translation>
  </message>
  <message>
   <source>Does not hold %1.</source>
   <translation>不能保存：%1。</translation>
  </message>
  <message>
   <source>all labelled (%1)</source>
   <translation>所有已标注（%1）</translation>
  </message>
  <message>
   <source>only done (%1)</source>
   <translation>仅已完成（%1）</translation>
  </message>
  <message>
   <source>only in progress (%1)</source>
   <translation>仅进行中的 (%1)</translation>
  </message>
  <message>
   <source>all (%1)</source>
   <translation>全部（%1）</translation>
  </message>
  <message>
   <source>Of the split</source>
   <translation>所属划分</translation>
  </message>
  <message>
   <source>any</source>
   <translation>任意</translation>
  </message>
  <message>
   <source>none</source>
   <translation>无</translation>
  </message>
  <message>
   <source>Which images</source>
   <translation>哪些图像</translation>
  </message>
  <message>
   <source>Only with these classes</source>
   <translation>仅含这些类别</translation>
  </message>
  <message>
   <source>Leave labels of the other classes out</source>
   <translation>不导出其他类别的标注</translation>
  </message>
  <message>
   <source>Only images with one of these classes; none ticked: any</source>
   <translation>仅含其中某一类别的图像；都不勾选则为任意图像</translation>
  </message>
  <message>
   <source>Labels changed from</source>
   <translation>标注修改时间从</translation>
  </message>
  <message>
   <source>to</source>
   <translation>到</translation>
  </message>
  <message>
   <source>Splits</source>
   <translation>划分</translation>
  </message>
  <message>
   <source>by shares</source>
   <translation>按比例</translation>
  </message>
  <message>
   <source>as the project has them</source>
   <translation>按项目中的划分</translation>
  </message>
  <message>
   <source>training</source>
   <translation>训练</translation>
  </message>
  <message>
   <source>validation</source>
   <translation>验证</translation>
  </message>
  <message>
   <source>test</source>
   <translation>测试</translation>
  </message>
  <message>
   <source>Keep together</source>
   <translation>保持在一起</translation>
  </message>
  <message>
   <source>nothing</source>
   <translation>无</translation>
  </message>
  <message>
   <source>images of one folder</source>
   <translation>同一文件夹的图像</translation>
  </message>
  <message>
   <source>images with like names</source>
   <translation>名称相近的图像</translation>
  </message>
  <message>
   <source>such as ^(\w+)_</source>
   <translation>例如 ^(\w+)_</translation>
  </message>
  <message>
   <source>Pattern of names</source>
   <translation>名称模式</translation>
  </message>
  <message>
   <source>A regular expression: images with the same match, or first group, stay together</source>
   <translation>正则表达式：匹配结果或第一个分组相同的图像保持在一起</translation>
  </message>
  <message>
   <source>Seed</source>
   <translation>种子</translation>
  </message>
  <message>
   <source>The same seed gives the same split</source>
   <translation>相同的种子得到相同的划分</translation>
  </message>
  <message>
   <source>Training, validation and test</source>
   <translation>训练、验证与测试</translation>
  </message>
  <message>
   <source>Cut the images into tiles</source>
   <translation>将图像切成分块</translation>
  </message>
  <message>
   <source>Side of a tile</source>
   <translation>分块边长</translation>
  </message>
  <message>
   <source>Overlap</source>
   <translation>重叠</translation>
  </message>
  <message>
   <source>Leave out tiles without labels</source>
   <translation>不导出没有标注的分块</translation>
  </message>
  <message>
   <source>Tiles</source>
   <translation>分块</translation>
  </message>
  <message>
   <source>Export report</source>
   <translation>导出报告</translation>
  </message>
  <message numerus="yes">
   <source>%n image(s) as %1</source>
   <translation>
    <numerusform>%n 张图像，格式为 %1</numerusform>
   </translation>
  </message>
  <message>
   <source>Folder</source>
   <translation>文件夹</translation>
  </message>
  <message>
   <source>Checked</source>
   <translation>已核对</translation>
  </message>
  <message>
   <source>Losses and remarks</source>
   <translation>损失与说明</translation>
  </message>
  <message>
   <source>Nothing was lost.</source>
   <translation>没有任何损失。</translation>
  </message>
  <message>
   <source>This report lies beside the data as %1.</source>
   <translation>本报告与数据一起保存为 %1。</translation>
  </message>
  <message>
   <source>Open the folder</source>
   <translation>打开文件夹</translation>
  </message>
  <message>
   <source>Each image was read back and compared with the labels.</source>
   <translation>每张图像都已读回并与标注比较。</translation>
  </message>
  <message>
   <source>%1 images read back: %2 pixels and %3 objects compared, all as they should be</source>
   <translation>已读回 %1 张图像：比较了 %2 个像素和 %3 个对象，全部正确</translation>
  </message>
  <message numerus="yes">
   <source>%n image(s) were there already from an export that was stopped.</source>
   <translation>
    <numerusform>有 %n 张图像在上次中断的导出中已写好。</numerusform>
   </translation>
  </message>
  <message>
   <source>Loss over the learning rate</source>
   <translation>损失随学习率的变化</translation>
  </message>
  <message>
   <source>Suggested rate: %1</source>
   <translation>建议的学习率：%1</translation>
  </message>
  <message>
   <source>learning rate</source>
   <translation>学习率</translation>
  </message>
  <message>
   <source>Find a learning rate</source>
   <translation>寻找学习率</translation>
  </message>
  <message>
   <source>Some steps are tried with rising rates. A good one lies where the loss falls fastest, well before it rises. Nothing is kept of it.</source>
   <translation>用逐渐升高的学习率试走若干步。合适的学习率在损失下降最快处，并远在损失回升之前。不保留任何结果。</translation>
  </message>
  <message>
   <source>Reading the labels</source>
   <translation>正在读取标注</translation>
  </message>
  <message>
   <source>Use it</source>
   <translation>使用</translation>
  </message>
  <message>
   <source>Step %1 of %2</source>
   <translation>第 %1 步，共 %2 步</translation>
  </message>
  <message>
   <source>now: %1</source>
   <translation>当前：%1</translation>
  </message>
  <message>
   <source>No rate stands out. Keep the one there is.</source>
   <translation>没有明显合适的学习率。请保留当前的值。</translation>
  </message>
  <message>
   <source>areas</source>
   <translation>区域</translation>
  </message>
  <message>
   <source>objects</source>
   <translation>对象</translation>
  </message>
  <message>
   <source>objects that overlap</source>
   <translation>重叠的对象</translation>
  </message>
  <message>
   <source>objects in several pieces</source>
   <translation>由多块组成的对象</translation>
  </message>
  <message>
   <source>holes</source>
   <translation>孔洞</translation>
  </message>
  <message>
   <source>ignored pixels</source>
   <translation>忽略的像素</translation>
  </message>
  <message>
   <source>whole volumes</source>
   <translation>整个体数据</translation>
  </message>
  <message>
   <source>User guide</source>
   <translation>用户指南</translation>
  </message>
  <message>
   <source>The guide is missing from this installation. Press ? for the keyboard sheet.</source>
   <translation>此安装缺少用户指南。按 ? 查看快捷键表。</translation>
  </message>
  <message>
   <source>Choose the format.</source>
   <translation>请选择格式。</translation>
  </message>
  <message>
   <source>Dataset</source>
   <translation>数据集</translation>
  </message>
  <message>
   <source>What comes</source>
   <translation>将导入的内容</translation>
  </message>
  <message>
   <source>Import labels</source>
   <translation>导入标注</translation>
  </message>
  <message>
   <source>Import</source>
   <translation>导入</translation>
  </message>
  <message>
   <source>Only add the images</source>
   <translation>仅添加图像</translation>
  </message>
  <message>
   <source>Leave the labels where they are</source>
   <translation>不导入标注</translation>
  </message>
  <message>
   <source>Each class of the dataset becomes one of the project. Like names are matched already.</source>
   <translation>数据集的每个类别对应项目中的一个类别。相近的名称已自动匹配。</translation>
  </message>
  <message>
   <source>As suggested</source>
   <translation>按建议</translation>
  </message>
  <message>
   <source>All as new</source>
   <translation>全部新建</translation>
  </message>
  <message>
   <source>Looking at the dataset…</source>
   <translation>正在查看数据集…</translation>
  </message>
  <message>
   <source>Reading the first images…</source>
   <translation>正在读取前几张图像…</translation>
  </message>
  <message numerus="yes">
   <source>%n matched</source>
   <translation>
    <numerusform>%n 个已匹配</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>%n new</source>
   <translation>
    <numerusform>%n 个新增</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>%n left out</source>
   <translation>
    <numerusform>%n 个忽略</numerusform>
   </translation>
  </message>
  <message>
   <source>A folder, a file or a zip archive; it can also be dropped here</source>
   <translation>文件夹、文件或 zip 压缩包；也可拖放到此处</translation>
  </message>
  <message>
   <source>Folder…</source>
   <translation>文件夹…</translation>
  </message>
  <message>
   <source>File…</source>
   <translation>文件…</translation>
  </message>
  <message>
   <source>as it looks</source>
   <translation>自动识别</translation>
  </message>
  <message>
   <source>%1 (it looks like this)</source>
   <translation>%1（看起来是这种格式）</translation>
  </message>
  <message>
   <source>all</source>
   <translation>全部</translation>
  </message>
  <message>
   <source>Into a layer of its own, named</source>
   <translation>放入单独的图层，名称为</translation>
  </message>
  <message>
   <source>Into the image's layer where that is empty, else into a layer of its own</source>
   <translation>图像的图层为空时放入其中，否则放入单独的图层</translation>
  </message>
  <message>
   <source>Name of the layer</source>
   <translation>图层名称</translation>
  </message>
  <message>
   <source>Add images that the project does not have</source>
   <translation>添加项目中没有的图像</translation>
  </message>
  <message>
   <source>Copy them into the project</source>
   <translation>将其复制到项目中</translation>
  </message>
  <message>
   <source>Else the project refers to them where they are; those in an archive are always copied</source>
   <translation>否则项目只引用其原位置；压缩包中的图像总是会复制</translation>
  </message>
  <message numerus="yes">
   <source>%n image(s)</source>
   <translation>
    <numerusform>%n 张图像</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>%n class(es)</source>
   <translation>
    <numerusform>%n 个类别</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>labels for %n image(s)</source>
   <translation>
    <numerusform>%n 张图像的标注</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>%n of them new</source>
   <translation>
    <numerusform>其中 %n 张为新图像</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>%n there already</source>
   <translation>
    <numerusform>%n 张已有</numerusform>
   </translation>
  </message>
  <message>
   <source>In the dataset</source>
   <translation>数据集中</translation>
  </message>
  <message>
   <source>Value</source>
   <translation>值</translation>
  </message>
  <message>
   <source>Objects</source>
   <translation>对象</translation>
  </message>
  <message>
   <source>Becomes (click to change)</source>
   <translation>对应为（点击更改）</translation>
  </message>
  <message>
   <source>Classes of the dataset</source>
   <translation>数据集的类别</translation>
  </message>
  <message>
   <source>Image</source>
   <translation>图像</translation>
  </message>
  <message>
   <source>Labels</source>
   <translation>标注</translation>
  </message>
  <message>
   <source>Remark</source>
   <translation>说明</translation>
  </message>
  <message numerus="yes">
   <source>%n object(s)</source>
   <translation>
    <numerusform>%n 个对象</numerusform>
   </translation>
  </message>
  <message>
   <source>%1 px</source>
   <translation>%1 像素</translation>
  </message>
  <message>
   <source>Find a command or key</source>
   <translation>查找命令或按键</translation>
  </message>
  <message>
   <source>Keys</source>
   <translation>按键</translation>
  </message>
  <message>
   <source>Press the new key</source>
   <translation>按下新按键</translation>
  </message>
  <message>
   <source>Set</source>
   <translation>设定</translation>
  </message>
  <message>
   <source>Take it over</source>
   <translation>改用于此</translation>
  </message>
  <message>
   <source>Default</source>
   <translation>默认</translation>
  </message>
  <message>
   <source>New key</source>
   <translation>新按键</translation>
  </message>
  <message>
   <source>Keyboard</source>
   <translation>键盘</translation>
  </message>
  <message>
   <source>About this model</source>
   <translation>关于此模型</translation>
  </message>
  <message>
   <source>Tensors…</source>
   <translation>张量…</translation>
  </message>
  <message>
   <source>Bands</source>
   <translation>波段</translation>
  </message>
  <message>
   <source>Tile</source>
   <translation>分块</translation>
  </message>
  <message>
   <source>Made by</source>
   <translation>生成命令</translation>
  </message>
  <message>
   <source>Weights</source>
   <translation>权重</translation>
  </message>
  <message>
   <source>New project</source>
   <translation>新建项目</translation>
  </message>
  <message>
   <source>project</source>
   <translation>项目</translation>
  </message>
  <message>
   <source>Name</source>
   <translation>名称</translation>
  </message>
  <message>
   <source>In the folder</source>
   <translation>所在文件夹</translation>
  </message>
  <message>
   <source>One a line, or with commas: road, tree, building. More can be added later.</source>
   <translation>每行一个，或用逗号分隔：道路, 树木, 建筑。以后可继续添加。</translation>
  </message>
  <message>
   <source>Create</source>
   <translation>创建</translation>
  </message>
  <message>
   <source>The project will lie in %1</source>
   <translation>项目将保存在 %1</translation>
  </message>
  <message>
   <source>Report of a run</source>
   <translation>运行报告</translation>
  </message>
  <message>
   <source>Run</source>
   <translation>运行</translation>
  </message>
  <message>
   <source>A page with curves, metrics and pictures. It is one file, opens in a browser, and prints as PDF.</source>
   <translation>包含曲线、指标和图片的页面。它是单个文件，可在浏览器中打开，并可打印为 PDF。</translation>
  </message>
  <message>
   <source>Write and open</source>
   <translation>生成并打开</translation>
  </message>
  <message>
   <source>No runs yet. Start training, and each run is listed here.</source>
   <translation>还没有运行。开始训练后，每次运行都会列在这里。</translation>
  </message>
  <message>
   <source>Runs</source>
   <translation>运行</translation>
  </message>
  <message>
   <source>Reading the runs…</source>
   <translation>正在读取运行…</translation>
  </message>
  <message>
   <source>Figures and differences</source>
   <translation>指标与差异</translation>
  </message>
  <message>
   <source>Runs of this project</source>
   <translation>本项目的运行</translation>
  </message>
  <message>
   <source>Epochs</source>
   <translation>轮数</translation>
  </message>
  <message>
   <source>mean IoU</source>
   <translation>平均 IoU</translation>
  </message>
  <message>
   <source>Dice</source>
   <translation>Dice</translation>
  </message>
  <message>
   <source>Time</source>
   <translation>时间</translation>
  </message>
  <message>
   <source>Delete…</source>
   <translation>删除…</translation>
  </message>
  <message>
   <source>Open folder</source>
   <translation>打开文件夹</translation>
  </message>
  <message>
   <source>Resume</source>
   <translation>继续训练</translation>
  </message>
  <message>
   <source>Report</source>
   <translation>报告</translation>
  </message>
  <message>
   <source>Use model</source>
   <translation>使用模型</translation>
  </message>
  <message>
   <source>training now</source>
   <translation>正在训练</translation>
  </message>
  <message>
   <source>finished</source>
   <translation>已完成</translation>
  </message>
  <message>
   <source>can be resumed</source>
   <translation>可继续</translation>
  </message>
  <message>
   <source>stopped early</source>
   <translation>提前停止</translation>
  </message>
  <message>
   <source>not one epoch yet</source>
   <translation>尚无完整轮次</translation>
  </message>
  <message>
   <source>damaged</source>
   <translation>已损坏</translation>
  </message>
  <message>
   <source>Report of the comparison</source>
   <translation>比较报告</translation>
  </message>
  <message>
   <source>Tick another run to compare the two.</source>
   <translation>再勾选一次运行即可比较二者。</translation>
  </message>
  <message>
   <source>Tick runs to lay their curves over each other.</source>
   <translation>勾选多次运行可将其曲线叠放在一起。</translation>
  </message>
  <message>
   <source>Figure</source>
   <translation>指标</translation>
  </message>
  <message>
   <source>best epoch</source>
   <translation>最佳轮次</translation>
  </message>
  <message>
   <source>mean Dice</source>
   <translation>平均 Dice</translation>
  </message>
  <message>
   <source>pixel accuracy</source>
   <translation>像素准确率</translation>
  </message>
  <message>
   <source>mean recall</source>
   <translation>平均召回率</translation>
  </message>
  <message>
   <source>mean precision</source>
   <translation>平均精确率</translation>
  </message>
  <message>
   <source>IoU weighted by frequency</source>
   <translation>按频率加权的 IoU</translation>
  </message>
  <message>
   <source>boundary F1</source>
   <translation>边界 F1</translation>
  </message>
  <message>
   <source>seconds</source>
   <translation>秒</translation>
  </message>
  <message>
   <source>The model “%1” is the current one.</source>
   <translation>模型“%1”现为当前模型。</translation>
  </message>
  <message>
   <source>Delete a run</source>
   <translation>删除运行</translation>
  </message>
  <message>
   <source>Delete the run “%1” with its model?</source>
   <translation>删除运行“%1”及其模型？</translation>
  </message>
  <message>
   <source>It goes to the trash where there is one. Labels stay as they are.</source>
   <translation>如有回收站则移入其中。标注保持不变。</translation>
  </message>
  <message>
   <source>Delete</source>
   <translation>删除</translation>
  </message>
  <message>
   <source>Keep</source>
   <translation>保留</translation>
  </message>
  <message>
   <source>The report is %1.</source>
   <translation>报告位于 %1。</translation>
  </message>
  <message>
   <source>Settings</source>
   <translation>设置</translation>
  </message>
  <message>
   <source>Pages</source>
   <translation>页面</translation>
  </message>
  <message>
   <source>Reset all</source>
   <translation>全部重置</translation>
  </message>
  <message>
   <source>Back to default: %1</source>
   <translation>恢复默认：%1</translation>
  </message>
  <message>
   <source>Back to default</source>
   <translation>恢复默认</translation>
  </message>
  <message>
   <source>Only for volumes and stacks, of which the project has none.</source>
   <translation>仅用于体数据和图像栈，本项目中没有。</translation>
  </message>
  <message>
   <source>Order: %1.</source>
   <translation>顺序：%1。</translation>
  </message>
  <message>
   <source>Default: %1.</source>
   <translation>默认：%1。</translation>
  </message>
  <message>
   <source>All settings of training</source>
   <translation>训练的全部设置</translation>
  </message>
  <message>
   <source>Search all settings</source>
   <translation>搜索全部设置</translation>
  </message>
  <message>
   <source>Put every field of every section back to its default</source>
   <translation>将所有分组的全部字段恢复为默认值</translation>
  </message>
  <message>
   <source>Sections</source>
   <translation>分组</translation>
  </message>
  <message>
   <source>Nothing of that name. Try another word, such as rate or memory.</source>
   <translation>没有这样的设置。请换一个词，例如“学习率”或“内存”。</translation>
  </message>
  <message>
   <source>Find…</source>
   <translation>寻找…</translation>
  </message>
  <message>
   <source>Preview…</source>
   <translation>预览…</translation>
  </message>
  <message numerus="yes">
   <source>%n changed</source>
   <translation>
    <numerusform>已更改 %n 项</numerusform>
   </translation>
  </message>
  <message>
   <source>Back</source>
   <translation>上一步</translation>
  </message>
  <message>
   <source>Next</source>
   <translation>下一步</translation>
  </message>
  <message>
   <source>Evaluating</source>
   <translation>正在评估</translation>
  </message>
  <message>
   <source>Exporting to %1</source>
   <translation>正在导出到 %1</translation>
  </message>
  <message>
   <source>The export is in %1.</source>
   <translation>导出结果位于 %1。</translation>
  </message>
  <message numerus="yes">
   <source>%n image(s) left out; the first: %1</source>
   <translation>
    <numerusform>略过了 %n 幅图像；第一幅：%1</numerusform>
   </translation>
  </message>
  <message>
   <source>Try again</source>
   <translation>重试</translation>
  </message>
  <message>
   <source>Adding images</source>
   <translation>正在添加图像</translation>
  </message>
  <message>
   <source>Adding images stopped: they could not be read.</source>
   <translation>添加图像已停止：无法读取这些图像。</translation>
  </message>
  <message>
   <source>Find moved images in</source>
   <translation>在此处查找移动过的图像</translation>
  </message>
  <message>
   <source>Looking for moved images</source>
   <translation>正在查找移动过的图像</translation>
  </message>
  <message>
   <source>Look elsewhere…</source>
   <translation>到别处查找…</translation>
  </message>
  <message>
   <source>No image file is missing.</source>
   <translation>没有缺失的图像文件。</translation>
  </message>
  <message numerus="yes">
   <source>%n moved image(s) were found again.</source>
   <translation>
    <numerusform>找回了 %n 幅移动过的图像。</numerusform>
   </translation>
  </message>
  <message>
   <source>%1 of %2 missing images were found again; the others are not there.</source>
   <translation>%2 幅缺失的图像中找回了 %1 幅；其余不在那里。</translation>
  </message>
  <message>
   <source>The search was ended early: choose a smaller folder.</source>
   <translation>查找提前结束：请选择较小的文件夹。</translation>
  </message>
  <message>
   <source>Look for it</source>
   <translation>查找</translation>
  </message>
  <message>
   <source>The file of this image is not where it was.</source>
   <translation>这幅图像的文件不在原处。</translation>
  </message>
  <message>
   <source>Importing %1</source>
   <translation>正在导入 %1</translation>
  </message>
  <message>
   <source>What came</source>
   <translation>已导入的内容</translation>
  </message>
  <message>
   <source>Nothing was changed: these labels are in the project already.</source>
   <translation>没有任何更改：这些标注已在项目中。</translation>
  </message>
  <message>
   <source>Undo</source>
   <translation>撤销</translation>
  </message>
  <message numerus="yes">
   <source>%n image(s) left out.</source>
   <translation>
    <numerusform>%n 张图像未导入。</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>Labels of %n image(s) came from %1.</source>
   <translation>
    <numerusform>已从 %1 导入 %n 张图像的标注。</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>%n image(s) were added.</source>
   <translation>
    <numerusform>已添加 %n 张图像。</numerusform>
   </translation>
  </message>
  <message>
   <source>All came as it is.</source>
   <translation>全部原样导入。</translation>
  </message>
  <message>
   <source>An import is under way: wait until it is done.</source>
   <translation>正在导入：请等待其完成。</translation>
  </message>
  <message>
   <source>Work is still running: %1.</source>
   <translation>仍有任务在运行：%1。</translation>
  </message>
  <message>
   <source>Leaving stops it. Labels are on disk; training keeps its best model.</source>
   <translation>离开会停止任务。标注已保存到磁盘；训练会保留最佳模型。</translation>
  </message>
  <message>
   <source>Stop and leave</source>
   <translation>停止并离开</translation>
  </message>
  <message>
   <source>Stay</source>
   <translation>留下</translation>
  </message>
  <message>
   <source>The sample could not be made.</source>
   <translation>无法创建示例项目。</translation>
  </message>
  <message>
   <source>Making the sample project</source>
   <translation>正在创建示例项目</translation>
  </message>
  <message>
   <source>Jobs</source>
   <translation>任务</translation>
  </message>
  <message>
   <source>stopping…</source>
   <translation>正在停止…</translation>
  </message>
  <message>
   <source>Cancel: %1</source>
   <translation>取消：%1</translation>
  </message>
  <message numerus="yes">
   <source>%n s left</source>
   <translation>
    <numerusform>剩余 %n 秒</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>%n min left</source>
   <translation>
    <numerusform>剩余 %n 分钟</numerusform>
   </translation>
  </message>
  <message>
   <source>%1 h %2 min left</source>
   <translation>剩余 %1 小时 %2 分钟</translation>
  </message>
  <message>
   <source>Wheel</source>
   <translation>滚轮</translation>
  </message>
  <message>
   <source>Zoom at the cursor</source>
   <translation>以光标为中心缩放</translation>
  </message>
  <message>
   <source>Space + drag, middle drag</source>
   <translation>空格 + 拖动，中键拖动</translation>
  </message>
  <message>
   <source>Move the picture</source>
   <translation>移动图像</translation>
  </message>
  <message>
   <source>Double click</source>
   <translation>双击</translation>
  </message>
  <message>
   <source>Fit the image</source>
   <translation>适应窗口</translation>
  </message>
  <message>
   <source>Right drag</source>
   <translation>右键拖动</translation>
  </message>
  <message>
   <source>Size the brush</source>
   <translation>调整画笔大小</translation>
  </message>
  <message>
   <source>Shift + click</source>
   <translation>Shift + 单击</translation>
  </message>
  <message>
   <source>Straight line from the last stroke</source>
   <translation>从上一笔画直线</translation>
  </message>
  <message>
   <source>Ctrl while painting</source>
   <translation>绘制时按住 Ctrl</translation>
  </message>
  <message>
   <source>Erase</source>
   <translation>擦除</translation>
  </message>
  <message>
   <source>Alt held</source>
   <translation>按住 Alt</translation>
  </message>
  <message>
   <source>Pick the class under the cursor</source>
   <translation>拾取光标下的类别</translation>
  </message>
  <message>
   <source>Enter · Esc</source>
   <translation>Enter · Esc</translation>
  </message>
  <message>
   <source>Finish · abandon a polygon</source>
   <translation>完成 · 放弃多边形</translation>
  </message>
  <message>
   <source>Keyboard sheet</source>
   <translation>快捷键表</translation>
  </message>
  <message>
   <source>Narrow: brush, class, Ctrl …</source>
   <translation>筛选：画笔、类别、Ctrl …</translation>
  </message>
  <message>
   <source>Narrow the sheet</source>
   <translation>筛选快捷键表</translation>
  </message>
  <message>
   <source>Any key can be changed: Edit, Keyboard shortcuts.</source>
   <translation>所有按键均可更改：编辑 → 键盘快捷键。</translation>
  </message>
  <message>
   <source>Mouse and held keys</source>
   <translation>鼠标与按住的键</translation>
  </message>
  <message>
   <source>Choose a class</source>
   <translation>选择类别</translation>
  </message>
  <message>
   <source>More</source>
   <translation>更多</translation>
  </message>
  <message>
   <source>A training run is under way: learning can begin when it has ended.</source>
   <translation>训练正在进行：结束后才能开始学习。</translation>
  </message>
  <message>
   <source>Learning</source>
   <translation>学习</translation>
  </message>
  <message>
   <source>Back to version %1</source>
   <translation>回到版本 %1</translation>
  </message>
  <message>
   <source>Version %1 is in use again.</source>
   <translation>重新使用版本 %1。</translation>
  </message>
  <message>
   <source>Round %1</source>
   <translation>第 %1 轮</translation>
  </message>
  <message>
   <source>Go on learning</source>
   <translation>继续学习</translation>
  </message>
  <message>
   <source>Not learning</source>
   <translation>未在学习</translation>
  </message>
  <message>
   <source>Starting</source>
   <translation>正在启动</translation>
  </message>
  <message>
   <source>Learning from your corrections</source>
   <translation>正在从您的修正中学习</translation>
  </message>
  <message>
   <source>Checking on labels that were held out</source>
   <translation>正在用留出的标注检查</translation>
  </message>
  <message>
   <source>Handing over a better version</source>
   <translation>正在交付更好的版本</translation>
  </message>
  <message>
   <source>Waiting for new labels</source>
   <translation>等待新的标注</translation>
  </message>
  <message>
   <source>Paused</source>
   <translation>已暂停</translation>
  </message>
  <message>
   <source>Stopping after this step</source>
   <translation>这一步之后停止</translation>
  </message>
  <message>
   <source>Ended by a failure</source>
   <translation>因故障结束</translation>
  </message>
  <message>
   <source>Something went wrong inside segstudio (%1). Your work is on disk; you can go on.</source>
   <translation>segstudio 内部出错（%1）。您的工作已保存到磁盘，可以继续。</translation>
  </message>
  <message>
   <source>Status and jobs</source>
   <translation>状态与任务</translation>
  </message>
  <message>
   <source>The model is still being downloaded.</source>
   <translation>模型仍在下载中。</translation>
  </message>
  <message>
   <source>“%1” must be downloaded first.</source>
   <translation>需要先下载“%1”。</translation>
  </message>
  <message>
   <source>Proposing</source>
   <translation>正在预测</translation>
  </message>
  <message>
   <source>Proposing %1 of %2</source>
   <translation>正在预测第 %1 张，共 %2 张</translation>
  </message>
  <message numerus="yes">
   <source>Proposed for %n image(s).</source>
   <translation>
    <numerusform>已对 %n 张图像完成预测。</numerusform>
   </translation>
  </message>
  <message>
   <source>Try smaller tiles</source>
   <translation>改用更小的分块</translation>
  </message>
  <message>
   <source>Try on the CPU</source>
   <translation>改用 CPU</translation>
  </message>
  <message>
   <source>Downloading %1</source>
   <translation>正在下载 %1</translation>
  </message>
  <message>
   <source>All files</source>
   <translation>所有文件</translation>
  </message>
  <message>
   <source>Use a weights file</source>
   <translation>使用权重文件</translation>
  </message>
  <message>
   <source>Reading %1</source>
   <translation>正在读取 %1</translation>
  </message>
  <message>
   <source>Export model as ONNX</source>
   <translation>将模型导出为 ONNX</translation>
  </message>
  <message>
   <source>ONNX model</source>
   <translation>ONNX 模型</translation>
  </message>
  <message>
   <source>Writing %1</source>
   <translation>正在写入 %1</translation>
  </message>
  <message>
   <source>“%1” was added to your models.</source>
   <translation>“%1”已加入您的模型。</translation>
  </message>
  <message>
   <source>Its file does not name its classes: say which of yours they are.</source>
   <translation>其文件没有类别名称：请指明它们对应您的哪些类别。</translation>
  </message>
  <message>
   <source>Match classes…</source>
   <translation>匹配类别…</translation>
  </message>
  <message>
   <source>The model is in %1.</source>
   <translation>模型已写入 %1。</translation>
  </message>
  <message>
   <source>It takes windows of %1 px only.</source>
   <translation>它只接受 %1 像素的窗口。</translation>
  </message>
  <message>
   <source>Looking at the images</source>
   <translation>正在查看图像</translation>
  </message>
  <message>
   <source>There is no model to look with: choose one in the Model panel.</source>
   <translation>没有可用来查看的模型：请在“模型”面板中选择一个。</translation>
  </message>
  <message>
   <source>A classic method does not tell how sure it is. Choose a network in the Model panel.</source>
   <translation>经典方法不给出把握程度。请在“模型”面板中选择一个网络。</translation>
  </message>
  <message>
   <source>There is no earlier model of this project to compare with. Train once more, or measure otherwise.</source>
   <translation>本项目没有更早的模型可供比较。请再训练一次，或换一种度量。</translation>
  </message>
  <message>
   <source>The model has looked at every image this way.</source>
   <translation>模型已用这种方式查看过所有图像。</translation>
  </message>
  <message>
   <source>Look again</source>
   <translation>重新查看</translation>
  </message>
  <message numerus="yes">
   <source>%n image(s) could not be looked at.</source>
   <translation>
    <numerusform>%n 张图像无法查看。</numerusform>
   </translation>
  </message>
  <message>
   <source>There is no other image to label.</source>
   <translation>没有其他图像可标注。</translation>
  </message>
  <message>
   <source>Look at this image</source>
   <translation>查看此图像</translation>
  </message>
  <message>
   <source>No model has looked at this image yet, so it is not known where it is uncertain.</source>
   <translation>还没有模型查看过此图像，因此不知道哪里不确定。</translation>
  </message>
  <message>
   <source>All places again</source>
   <translation>从头再看所有位置</translation>
  </message>
  <message>
   <source>Confirmed: what is empty there counts as background.</source>
   <translation>已确认：该处的空白视为背景。</translation>
  </message>
  <message>
   <source>Uncertain place %1 of %2: %3 % unsure</source>
   <translation>不确定位置 %1 / %2：%3 % 没把握</translation>
  </message>
  <message>
   <source>The model is sure everywhere in this image.</source>
   <translation>模型对此图像处处有把握。</translation>
  </message>
  <message>
   <source>The uncertain place of this image was looked at.</source>
   <translation>此图像的不确定位置已看过。</translation>
  </message>
  <message>
   <source>All %1 uncertain places of this image were looked at.</source>
   <translation>此图像的 %1 个不确定位置都已看过。</translation>
  </message>
  <message>
   <source>Dismiss</source>
   <translation>关闭</translation>
  </message>
  <message>
   <source>Take it off the list</source>
   <translation>从列表中移除</translation>
  </message>
  <message>
   <source>Open project</source>
   <translation>打开项目</translation>
  </message>
  <message>
   <source>Open images</source>
   <translation>打开图像</translation>
  </message>
  <message>
   <source>Add images</source>
   <translation>添加图像</translation>
  </message>
  <message>
   <source>Add a folder of images</source>
   <translation>添加图像文件夹</translation>
  </message>
  <message>
   <source>The last edits are not on disk yet: it is full or can't be written.</source>
   <translation>最近的编辑尚未写入磁盘：磁盘已满或无法写入。</translation>
  </message>
  <message>
   <source>Make room and stay, then they are written. Leaving now loses these edits.</source>
   <translation>请腾出空间并留下，编辑随后会写入。现在离开将丢失这些编辑。</translation>
  </message>
  <message>
   <source>Leave and lose them</source>
   <translation>离开并丢失</translation>
  </message>
  <message>
   <source>Restart now</source>
   <translation>立即重启</translation>
  </message>
  <message>
   <source>by hand</source>
   <translation>手工</translation>
  </message>
  <message>
   <source>by a model</source>
   <translation>模型</translation>
  </message>
  <message>
   <source>imported</source>
   <translation>导入</translation>
  </message>
  <message>
   <source>accepted</source>
   <translation>已接受</translation>
  </message>
  <message>
   <source>Found by %1, accepted by you</source>
   <translation>由 %1 找到，您已接受</translation>
  </message>
  <message>
   <source>A proposal that you accepted</source>
   <translation>您接受的预测</translation>
  </message>
  <message>
   <source>Found by %1, not accepted yet</source>
   <translation>由 %1 找到，尚未接受</translation>
  </message>
  <message>
   <source>Found by a model</source>
   <translation>由模型找到</translation>
  </message>
  <message>
   <source>Imported</source>
   <translation>导入</translation>
  </message>
  <message>
   <source>Made by hand</source>
   <translation>手工绘制</translation>
  </message>
  <message>
   <source>%1 % sure</source>
   <translation>把握 %1 %</translation>
  </message>
  <message>
   <source>Checked by hand, so no model changes it</source>
   <translation>已人工检查，模型不会改动它</translation>
  </message>
  <message>
   <source>%1 from your clicks</source>
   <translation>%1（由您的点击）</translation>
  </message>
  <message>
   <source>%1, version %2</source>
   <translation>%1，版本 %2</translation>
  </message>
  <message>
   <source>Key %1 chooses %2</source>
   <translation>按键 %1 选择 %2</translation>
  </message>
  <message>
   <source>Colour of %1</source>
   <translation>%1 的颜色</translation>
  </message>
  <message>
   <source>Hide %1</source>
   <translation>隐藏 %1</translation>
  </message>
  <message>
   <source>Show %1</source>
   <translation>显示 %1</translation>
  </message>
  <message>
   <source>Unlock %1</source>
   <translation>解锁 %1</translation>
  </message>
  <message>
   <source>Lock %1: painting never goes over it</source>
   <translation>锁定 %1：绘制永不覆盖它</translation>
  </message>
  <message>
   <source>%1 (value %2 in masks)</source>
   <translation>%1（掩码中的值为 %2）</translation>
  </message>
  <message>
   <source>Add class</source>
   <translation>添加类别</translation>
  </message>
  <message>
   <source>Add a class</source>
   <translation>添加一个类别</translation>
  </message>
  <message>
   <source>Delete class</source>
   <translation>删除类别</translation>
  </message>
  <message>
   <source>Delete the selected classes (says first where they are used)</source>
   <translation>删除所选类别（会先说明其使用情况）</translation>
  </message>
  <message>
   <source>Merge classes</source>
   <translation>合并类别</translation>
  </message>
  <message>
   <source>Merge the selected classes into another</source>
   <translation>将所选类别合并到另一类别</translation>
  </message>
  <message>
   <source>Move up</source>
   <translation>上移</translation>
  </message>
  <message>
   <source>Move the class up (Alt+Up)</source>
   <translation>上移类别（Alt+↑）</translation>
  </message>
  <message>
   <source>Move down</source>
   <translation>下移</translation>
  </message>
  <message>
   <source>Move the class down (Alt+Down)</source>
   <translation>下移类别（Alt+↓）</translation>
  </message>
  <message>
   <source>Add a class to begin: its colour and number key come by themselves.</source>
   <translation>先添加一个类别：颜色和数字键会自动分配。</translation>
  </message>
  <message>
   <source>Other colour…</source>
   <translation>其他颜色…</translation>
  </message>
  <message>
   <source>Colour of the class</source>
   <translation>类别颜色</translation>
  </message>
  <message>
   <source>Rename</source>
   <translation>重命名</translation>
  </message>
  <message>
   <source>Colour…</source>
   <translation>颜色…</translation>
  </message>
  <message>
   <source>Hide</source>
   <translation>隐藏</translation>
  </message>
  <message>
   <source>Show only this</source>
   <translation>仅显示此类别</translation>
  </message>
  <message>
   <source>Unlock</source>
   <translation>解锁</translation>
  </message>
  <message>
   <source>Lock</source>
   <translation>锁定</translation>
  </message>
  <message>
   <source>Merge into</source>
   <translation>合并到</translation>
  </message>
  <message>
   <source>Delete %1?</source>
   <translation>删除 %1？</translation>
  </message>
  <message numerus="yes">
   <source>%1 pixels in %n image(s) are labelled with it and become background. Undo brings them back.</source>
   <translation>
    <numerusform>%n 张图像中有 %1 个像素标为该类别，将变为背景。撤销可恢复。</numerusform>
   </translation>
  </message>
  <message>
   <source>Show labels beneath</source>
   <translation>在下方显示标注</translation>
  </message>
  <message>
   <source>Keep left as the proposal</source>
   <translation>保留左侧作为预测</translation>
  </message>
  <message>
   <source>Keep right</source>
   <translation>保留右侧</translation>
  </message>
  <message>
   <source>Close without keeping anything</source>
   <translation>关闭，不保留任何结果</translation>
  </message>
  <message>
   <source>Intersection over union of this class between the two</source>
   <translation>两者在此类别上的交并比</translation>
  </message>
  <message>
   <source>Make what “%1” found the proposal of this image</source>
   <translation>将“%1”的结果作为此图像的预测</translation>
  </message>
  <message numerus="yes">
   <source>and %n more class(es)</source>
   <translation>
    <numerusform>以及另外 %n 个类别</numerusform>
   </translation>
  </message>
  <message>
   <source>working it out…</source>
   <translation>正在计算…</translation>
  </message>
  <message>
   <source>There is nothing to compare with: one of the two has no answer.</source>
   <translation>无从比较：其中一个模型没有结果。</translation>
  </message>
  <message>
   <source>They agree on %1 of the pixels.</source>
   <translation>两者在 %1 的像素上一致。</translation>
  </message>
  <message>
   <source>Neither found anything.</source>
   <translation>两者都没有找到任何内容。</translation>
  </message>
  <message>
   <source>They found no class in common.</source>
   <translation>两者没有找到共同的类别。</translation>
  </message>
  <message>
   <source>Mean IoU with the labels: left %1, right %2</source>
   <translation>与标注的平均 IoU：左 %1，右 %2</translation>
  </message>
  <message>
   <source>Confusion matrix</source>
   <translation>混淆矩阵</translation>
  </message>
  <message>
   <source>Confusion matrix: rows are truth, columns prediction</source>
   <translation>混淆矩阵：行为真值，列为预测</translation>
  </message>
  <message>
   <source>prediction</source>
   <translation>预测</translation>
  </message>
  <message>
   <source>truth</source>
   <translation>真值</translation>
  </message>
  <message>
   <source>% of the truth; at the right its pixels</source>
   <translation>占真值的百分比；右侧为其像素数</translation>
  </message>
  <message>
   <source>What the bands show</source>
   <translation>波段的显示方式</translation>
  </message>
  <message>
   <source>Band shown red</source>
   <translation>红色显示的波段</translation>
  </message>
  <message>
   <source>Band shown green</source>
   <translation>绿色显示的波段</translation>
  </message>
  <message>
   <source>Band shown blue</source>
   <translation>蓝色显示的波段</translation>
  </message>
  <message>
   <source>As set</source>
   <translation>按设定</translation>
  </message>
  <message>
   <source>All values</source>
   <translation>全部数值</translation>
  </message>
  <message>
   <source>Range found by percentiles</source>
   <translation>按百分位求得的范围</translation>
  </message>
  <message>
   <source>Each band by itself</source>
   <translation>各波段分别处理</translation>
  </message>
  <message>
   <source>A range of its own for each band: takes away a tint of haze</source>
   <translation>每个波段用各自的范围：可去除雾霾造成的偏色</translation>
  </message>
  <message>
   <source>Value shown black</source>
   <translation>显示为黑色的值</translation>
  </message>
  <message>
   <source>Value shown white</source>
   <translation>显示为白色的值</translation>
  </message>
  <message>
   <source>Window and level</source>
   <translation>窗宽与窗位</translation>
  </message>
  <message>
   <source>Gamma</source>
   <translation>伽马</translation>
  </message>
  <message>
   <source>Colours of one band</source>
   <translation>单波段的颜色</translation>
  </message>
  <message>
   <source>Inverted</source>
   <translation>反相</translation>
  </message>
  <message>
   <source>Show the image inverted</source>
   <translation>反相显示图像</translation>
  </message>
  <message>
   <source>For all images like this</source>
   <translation>用于所有同类图像</translation>
  </message>
  <message>
   <source>Show all images of the project with the same type and number of bands alike</source>
   <translation>项目中类型和波段数相同的图像都这样显示</translation>
  </message>
  <message>
   <source>Automatic</source>
   <translation>自动</translation>
  </message>
  <message>
   <source>Automatic brightness</source>
   <translation>自动亮度</translation>
  </message>
  <message>
   <source>Choose the range of values from the image</source>
   <translation>根据图像选择取值范围</translation>
  </message>
  <message>
   <source>Shows</source>
   <translation>显示</translation>
  </message>
  <message>
   <source>Range</source>
   <translation>范围</translation>
  </message>
  <message>
   <source>Black</source>
   <translation>黑</translation>
  </message>
  <message>
   <source>White</source>
   <translation>白</translation>
  </message>
  <message>
   <source>Window</source>
   <translation>窗</translation>
  </message>
  <message>
   <source>Colours</source>
   <translation>颜色</translation>
  </message>
  <message>
   <source>Own choice</source>
   <translation>自定义</translation>
  </message>
  <message>
   <source>Grey</source>
   <translation>灰度</translation>
  </message>
  <message>
   <source>Terrain</source>
   <translation>地形</translation>
  </message>
  <message>
   <source>Band {number} alone</source>
   <translation>仅第 {number} 波段</translation>
  </message>
  <message>
   <source>Natural colours</source>
   <translation>自然色</translation>
  </message>
  <message>
   <source>False colour, near infrared</source>
   <translation>假彩色（近红外）</translation>
  </message>
  <message>
   <source>Short-wave infrared</source>
   <translation>短波红外</translation>
  </message>
  <message>
   <source>Crops</source>
   <translation>农作物</translation>
  </message>
  <message>
   <source>First three bands</source>
   <translation>前三个波段</translation>
  </message>
  <message>
   <source>Lung</source>
   <translation>肺窗</translation>
  </message>
  <message>
   <source>Bone</source>
   <translation>骨窗</translation>
  </message>
  <message>
   <source>Brain</source>
   <translation>脑窗</translation>
  </message>
  <message>
   <source>Soft tissue</source>
   <translation>软组织窗</translation>
  </message>
  <message>
   <source>Liver</source>
   <translation>肝窗</translation>
  </message>
  <message>
   <source>The encoder of the network's paper, from scratch</source>
   <translation>网络论文中的编码器，从零开始</translation>
  </message>
  <message>
   <source>Any timm network…</source>
   <translation>任意 timm 网络…</translation>
  </message>
  <message>
   <source>Type the name of any convolutional network of the library timm</source>
   <translation>输入 timm 库中任意卷积网络的名称</translation>
  </message>
  <message>
   <source>Histogram</source>
   <translation>直方图</translation>
  </message>
  <message>
   <source>Drag the marks for black and white, or the range between them; double-click: automatic</source>
   <translation>拖动黑、白标记或其间的范围；双击恢复自动</translation>
  </message>
  <message>
   <source>Beginning</source>
   <translation>起点</translation>
  </message>
  <message>
   <source>All images: %1</source>
   <translation>所有图像：%1</translation>
  </message>
  <message>
   <source>%1, undone</source>
   <translation>%1，已撤销</translation>
  </message>
  <message>
   <source>History</source>
   <translation>历史</translation>
  </message>
  <message>
   <source>Take back the last edit</source>
   <translation>撤销上一次编辑</translation>
  </message>
  <message>
   <source>Redo</source>
   <translation>重做</translation>
  </message>
  <message>
   <source>Do the edit again</source>
   <translation>重做编辑</translation>
  </message>
  <message>
   <source>unlabelled</source>
   <translation>未标注</translation>
  </message>
  <message>
   <source>in progress</source>
   <translation>进行中</translation>
  </message>
  <message>
   <source>done</source>
   <translation>已完成</translation>
  </message>
  <message>
   <source>with a proposal</source>
   <translation>有预测</translation>
  </message>
  <message>
   <source>file missing</source>
   <translation>文件缺失</translation>
  </message>
  <message>
   <source>The file is not there: File › Find moved images… looks for it.</source>
   <translation>文件不在那里：用“文件 › 查找移动过的图像…”来查找。</translation>
  </message>
  <message>
   <source>The file can't be written to; labels are kept in the project all the same.</source>
   <translation>该文件不可写；标注照常保存在项目中。</translation>
  </message>
  <message>
   <source>Filter by name</source>
   <translation>按名称筛选</translation>
  </message>
  <message>
   <source>Filter images by name</source>
   <translation>按名称筛选图像</translation>
  </message>
  <message>
   <source>Show only images whose name holds these words</source>
   <translation>仅显示名称包含这些词的图像</translation>
  </message>
  <message>
   <source>Which images are shown</source>
   <translation>显示哪些图像</translation>
  </message>
  <message>
   <source>Status</source>
   <translation>状态</translation>
  </message>
  <message>
   <source>Date added</source>
   <translation>添加日期</translation>
  </message>
  <message>
   <source>Uncertainty</source>
   <translation>不确定度</translation>
  </message>
  <message>
   <source>What next</source>
   <translation>下一步标注什么</translation>
  </message>
  <message>
   <source>Sort images by</source>
   <translation>图像排序依据</translation>
  </message>
  <message>
   <source>Sort the other way round</source>
   <translation>反向排序</translation>
  </message>
  <message>
   <source>Add image files to the project</source>
   <translation>将图像文件添加到项目</translation>
  </message>
  <message>
   <source>No images yet: drop some anywhere in the window.</source>
   <translation>还没有图像：将图像拖到窗口任意处。</translation>
  </message>
  <message>
   <source>%1 of %2 images</source>
   <translation>%1 / %2 张图像</translation>
  </message>
  <message>
   <source>Mark as %1</source>
   <translation>标记为%1</translation>
  </message>
  <message>
   <source>Put into split</source>
   <translation>放入划分</translation>
  </message>
  <message>
   <source>Copy path</source>
   <translation>复制路径</translation>
  </message>
  <message>
   <source>Remove from the project…</source>
   <translation>从项目中移除…</translation>
  </message>
  <message>
   <source>Remove from the project</source>
   <translation>从项目中移除</translation>
  </message>
  <message numerus="yes">
   <source>Remove %n image(s) and their labels from the project?</source>
   <translation>
    <numerusform>从项目中移除 %n 张图像及其标注？</numerusform>
   </translation>
  </message>
  <message>
   <source>The image files stay where they are. The labels can't be brought back.</source>
   <translation>图像文件保留原处，标注将无法恢复。</translation>
  </message>
  <message>
   <source>Remove</source>
   <translation>移除</translation>
  </message>
  <message>
   <source>Layers</source>
   <translation>图层</translation>
  </message>
  <message>
   <source>Objects that overlap go to layers of their own. Tools paint on the layer chosen here.</source>
   <translation>重叠的对象放在各自的图层中。工具在此处选中的图层上绘制。</translation>
  </message>
  <message>
   <source>Add layer</source>
   <translation>添加图层</translation>
  </message>
  <message>
   <source>Add an empty layer on top and paint on it</source>
   <translation>在最上面添加一个空图层并在其上绘制</translation>
  </message>
  <message>
   <source>Move the layer up</source>
   <translation>上移图层</translation>
  </message>
  <message>
   <source>Move the layer down</source>
   <translation>下移图层</translation>
  </message>
  <message>
   <source>Delete layer</source>
   <translation>删除图层</translation>
  </message>
  <message>
   <source>Delete the layer with all it holds; undo brings it back</source>
   <translation>删除图层及其全部内容；撤销可恢复</translation>
  </message>
  <message>
   <source>Untick to hide the layer</source>
   <translation>取消勾选可隐藏图层</translation>
  </message>
  <message>
   <source>This round</source>
   <translation>本轮</translation>
  </message>
  <message>
   <source>Learn while labelling</source>
   <translation>边标注边学习</translation>
  </message>
  <message>
   <source>Pause</source>
   <translation>暂停</translation>
  </message>
  <message>
   <source>Begin with</source>
   <translation>起点</translation>
  </message>
  <message>
   <source>The version in use</source>
   <translation>正在使用的版本</translation>
  </message>
  <message>
   <source>The model that is chosen</source>
   <translation>所选的模型</translation>
  </message>
  <message>
   <source>Nothing learned yet</source>
   <translation>从头学习</translation>
  </message>
  <message>
   <source>Goes on from this project's newest version; the first time from ImageNet weights of the encoder</source>
   <translation>从本项目最新版本继续；第一次从编码器的 ImageNet 权重开始</translation>
  </message>
  <message>
   <source>Begins with the weights of the model in the panel Model</source>
   <translation>从“模型”面板中模型的权重开始</translation>
  </message>
  <message>
   <source>Begins anew with ImageNet weights of the encoder; versions that are there stay</source>
   <translation>用编码器的 ImageNet 权重重新开始；已有版本保留</translation>
  </message>
  <message>
   <source>What learning begins with</source>
   <translation>学习从什么开始</translation>
  </message>
  <message>
   <source>Renew the proposal that is shown</source>
   <translation>更新所显示的预测</translation>
  </message>
  <message>
   <source>Each new version proposes anew for the image shown, as soon as the hand rests; what you did stays</source>
   <translation>每个新版本在您停手后为所显示的图像重新预测；您所做的保留</translation>
  </message>
  <message>
   <source>Show the newer proposal</source>
   <translation>显示更新的预测</translation>
  </message>
  <message>
   <source>It waits, because it would replace a proposal that is not settled, or end what undo can bring back</source>
   <translation>它在等待，因为会替换尚未处理的预测，或使撤销无法恢复</translation>
  </message>
  <message>
   <source>Images: mean Dice on held-out labels</source>
   <translation>图像：留出标注上的平均 Dice</translation>
  </message>
  <message>
   <source>Double-click or Enter opens the image</source>
   <translation>双击或回车打开图像</translation>
  </message>
  <message>
   <source>Versions</source>
   <translation>版本</translation>
  </message>
  <message>
   <source>Go on</source>
   <translation>继续</translation>
  </message>
  <message>
   <source>Only what got worse (%1)</source>
   <translation>只看变差的（%1）</translation>
  </message>
  <message>
   <source>Mean Dice</source>
   <translation>平均 Dice</translation>
  </message>
  <message>
   <source>Change</source>
   <translation>变化</translation>
  </message>
  <message>
   <source>What the newest weights changed, image by image</source>
   <translation>最新权重带来的变化，逐图像</translation>
  </message>
  <message>
   <source>Version</source>
   <translation>版本</translation>
  </message>
  <message>
   <source>When</source>
   <translation>时间</translation>
  </message>
  <message>
   <source>Version %1</source>
   <translation>版本 %1</translation>
  </message>
  <message>
   <source>in use</source>
   <translation>使用中</translation>
  </message>
  <message>
   <source>Go back</source>
   <translation>返回此版本</translation>
  </message>
  <message>
   <source>Use version %1 again, and learn on from it</source>
   <translation>重新使用版本 %1，并由此继续学习</translation>
  </message>
  <message numerus="yes">
   <source>%n labelled pixel(s) learnt from</source>
   <translation>
    <numerusform>学习用的标注像素：%n</numerusform>
   </translation>
  </message>
  <message>
   <source>made from version %1</source>
   <translation>由版本 %1 而来</translation>
  </message>
  <message>
   <source>%1 after learning began</source>
   <translation>学习开始后 %1</translation>
  </message>
  <message>
   <source>new</source>
   <translation>新</translation>
  </message>
  <message>
   <source>Nothing is labelled yet: it waits for your first strokes.</source>
   <translation>还没有标注：正在等待您的第一笔。</translation>
  </message>
  <message numerus="yes">
   <source>%n image(s) with labels</source>
   <translation>
    <numerusform>%n 张有标注的图像</numerusform>
   </translation>
  </message>
  <message>
   <source>A model learns from each of your corrections, and takes over where it is better.</source>
   <translation>模型从您的每次修正中学习，更好时才接替。</translation>
  </message>
  <message numerus="yes">
   <source>Picked up at %1: %n pixel(s) of %2</source>
   <translation>
    <numerusform>%1 取得：%2 的 %n 个像素</numerusform>
   </translation>
  </message>
  <message>
   <source>%1 places, %2 of them held out</source>
   <translation>%1 处，其中 %2 处留出</translation>
  </message>
  <message>
   <source>loss</source>
   <translation>损失</translation>
  </message>
  <message>
   <source>%1 left</source>
   <translation>剩余 %1</translation>
  </message>
  <message numerus="yes">
   <source>and %n more</source>
   <translation>
    <numerusform>以及另外 %n 个</numerusform>
   </translation>
  </message>
  <message>
   <source>Version %1 is the first: mean Dice %2 on labels that were held out.</source>
   <translation>版本 %1 是第一个：留出标注上平均 Dice %2。</translation>
  </message>
  <message>
   <source>Version %1 is better on labels that were held out: mean Dice %2.</source>
   <translation>版本 %1 在留出标注上更好：平均 Dice %2。</translation>
  </message>
  <message>
   <source>What it learned since was refused: mean Dice %2 on labels that were held out. Version %1 stays in use.</source>
   <translation>此后所学被拒绝：留出标注上平均 Dice %2。继续使用版本 %1。</translation>
  </message>
  <message>
   <source>Nothing better yet: mean Dice %2 on labels that were held out. Version %1 stays in use.</source>
   <translation>尚无更好的：留出标注上平均 Dice %2。继续使用版本 %1。</translation>
  </message>
  <message>
   <source>Device</source>
   <translation>设备</translation>
  </message>
  <message>
   <source>auto picks the graphics card where there is one, else the CPU</source>
   <translation>自动：有显卡时用显卡，否则用 CPU</translation>
  </message>
  <message>
   <source>Tile size</source>
   <translation>分块大小</translation>
  </message>
  <message>
   <source>The image is worked on in tiles of this size; smaller ones need less memory</source>
   <translation>图像按此大小分块处理；分块越小，占用内存越少</translation>
  </message>
  <message>
   <source>Match…</source>
   <translation>匹配…</translation>
  </message>
  <message>
   <source>Propose</source>
   <translation>预测</translation>
  </message>
  <message>
   <source>Propose for more images</source>
   <translation>对更多图像预测</translation>
  </message>
  <message>
   <source>Least confidence</source>
   <translation>最低置信度</translation>
  </message>
  <message>
   <source>Shows and accepts only what the model is surer of; answers at once</source>
   <translation>仅显示和接受模型更有把握的部分；立即生效</translation>
  </message>
  <message>
   <source>Accept all</source>
   <translation>全部接受</translation>
  </message>
  <message>
   <source>Reject all</source>
   <translation>全部拒绝</translation>
  </message>
  <message>
   <source>Accept class</source>
   <translation>接受类别</translation>
  </message>
  <message>
   <source>Reject class</source>
   <translation>拒绝类别</translation>
  </message>
  <message>
   <source>By click or brush</source>
   <translation>单击或涂抹</translation>
  </message>
  <message>
   <source>Refine…</source>
   <translation>细化…</translation>
  </message>
  <message>
   <source>as the model: %1 px</source>
   <translation>同模型：%1 px</translation>
  </message>
  <message>
   <source>auto</source>
   <translation>自动</translation>
  </message>
  <message numerus="yes">
   <source>%n band(s)</source>
   <translation>
    <numerusform>%n 个波段</numerusform>
   </translation>
  </message>
  <message>
   <source>Choose a model</source>
   <translation>选择模型</translation>
  </message>
  <message>
   <source>%1 sure</source>
   <translation>把握 %1</translation>
  </message>
  <message>
   <source>Labelled as %1; the model takes it for %2.</source>
   <translation>标注为 %1；模型认为是 %2。</translation>
  </message>
  <message>
   <source>Images to label next</source>
   <translation>接下来标注的图像</translation>
  </message>
  <message>
   <source>Likely label errors</source>
   <translation>可能的标注错误</translation>
  </message>
  <message>
   <source>Which images come first</source>
   <translation>哪些图像在前</translation>
  </message>
  <message>
   <source>Unsure and different</source>
   <translation>没把握且不同</translation>
  </message>
  <message>
   <source>Unsure first</source>
   <translation>没把握的在前</translation>
  </message>
  <message>
   <source>Different first</source>
   <translation>不同的在前</translation>
  </message>
  <message>
   <source>Unsure: the model tells most wrong there. Different: unlike what is labelled, and unlike each other.</source>
   <translation>没把握：模型在那里最易出错。不同：与已标注的不同，彼此也不同。</translation>
  </message>
  <message>
   <source>How uncertainty is measured</source>
   <translation>如何度量不确定性</translation>
  </message>
  <message>
   <source>Entropy</source>
   <translation>熵</translation>
  </message>
  <message>
   <source>Margin</source>
   <translation>间隔</translation>
  </message>
  <message>
   <source>Mirrored views</source>
   <translation>镜像视图</translation>
  </message>
  <message>
   <source>Last two models</source>
   <translation>最近两个模型</translation>
  </message>
  <message>
   <source>Entropy of the class probabilities, margin between the two likeliest classes, or how much mirrored views (2 × slower) or the last two models of this project disagree</source>
   <translation>类别概率的熵、最可能两个类别的间隔，或镜像视图（慢 2 倍）、本项目最近两个模型的分歧程度</translation>
  </message>
  <message>
   <source>Look</source>
   <translation>查看</translation>
  </message>
  <message>
   <source>Let the model look at every image</source>
   <translation>让模型查看每张图像</translation>
  </message>
  <message>
   <source>Most uncertain place</source>
   <translation>最不确定的位置</translation>
  </message>
  <message>
   <source>Go to the most uncertain place of this image</source>
   <translation>转到此图像最不确定的位置</translation>
  </message>
  <message>
   <source>Next image worth labelling</source>
   <translation>下一张值得标注的图像</translation>
  </message>
  <message>
   <source>Open the image that tells the model most</source>
   <translation>打开对模型最有帮助的图像</translation>
  </message>
  <message>
   <source>Correct</source>
   <translation>改正</translation>
  </message>
  <message>
   <source>Label the area as the model has it (it can be undone)</source>
   <translation>按模型的结果标注该区域（可撤销）</translation>
  </message>
  <message>
   <source>Label is right</source>
   <translation>标注正确</translation>
  </message>
  <message>
   <source>Take it from the list; it does not come back</source>
   <translation>从列表中移除，不再出现</translation>
  </message>
  <message>
   <source>What is listed</source>
   <translation>列出的内容</translation>
  </message>
  <message>
   <source>Label errors</source>
   <translation>标注错误</translation>
  </message>
  <message>
   <source>None found: the model agrees with the labels, or it has not looked at labelled images yet.</source>
   <translation>未发现：模型与标注一致，或尚未查看有标注的图像。</translation>
  </message>
  <message>
   <source>Stop looking</source>
   <translation>停止查看</translation>
  </message>
  <message>
   <source>Look at all images</source>
   <translation>查看所有图像</translation>
  </message>
  <message>
   <source>Choose a model in the Model panel, then let it look at the images: it tells which to label next.</source>
   <translation>在“模型”面板中选择模型，再让它查看图像：它会告诉您接下来标注哪些。</translation>
  </message>
  <message>
   <source>%1 looked at %2 of %3 images.</source>
   <translation>%1 查看了 %3 张图像中的 %2 张。</translation>
  </message>
  <message>
   <source>Another model is chosen now: let that one look.</source>
   <translation>现在选择了另一个模型：请让它查看。</translation>
  </message>
  <message>
   <source>%1 % unsure</source>
   <translation>%1 % 没把握</translation>
  </message>
  <message>
   <source>least sure</source>
   <translation>最没把握</translation>
  </message>
  <message>
   <source>unlike the others</source>
   <translation>与其他不同</translation>
  </message>
  <message>
   <source>least sure, unlike others</source>
   <translation>最没把握，与其他不同</translation>
  </message>
  <message>
   <source>Size of the selected objects</source>
   <translation>所选对象的大小</translation>
  </message>
  <message>
   <source>Area on this plane; of a volume, all planes too</source>
   <translation>本平面上的面积；体数据还给出所有平面</translation>
  </message>
  <message>
   <source>checked</source>
   <translation>已检查</translation>
  </message>
  <message>
   <source>New object</source>
   <translation>新建对象</translation>
  </message>
  <message>
   <source>The next strokes make one new object</source>
   <translation>接下来的笔画构成一个新对象</translation>
  </message>
  <message>
   <source>Label separate objects</source>
   <translation>逐个标注对象</translation>
  </message>
  <message>
   <source>Each stroke, polygon or fill begins an object of its own</source>
   <translation>每一笔、每个多边形或填充都开始一个新对象</translation>
  </message>
  <message>
   <source>Delete object</source>
   <translation>删除对象</translation>
  </message>
  <message>
   <source>Delete the selected object</source>
   <translation>删除所选对象</translation>
  </message>
  <message>
   <source>No separate objects here. Press New object, then paint one.</source>
   <translation>此处没有单独的对象。按“新建对象”，然后绘制。</translation>
  </message>
  <message>
   <source>Merge objects</source>
   <translation>合并对象</translation>
  </message>
  <message>
   <source>Make one object of all that are selected</source>
   <translation>将所选对象合成一个</translation>
  </message>
  <message>
   <source>Show on the canvas</source>
   <translation>在画布上显示</translation>
  </message>
  <message>
   <source>Change class to</source>
   <translation>更改类别为</translation>
  </message>
  <message>
   <source>beside the image</source>
   <translation>与图像放在一起</translation>
  </message>
  <message>
   <source>Choose a file</source>
   <translation>选择文件</translation>
  </message>
  <message>
   <source>Opacity of the overlay</source>
   <translation>叠加层不透明度</translation>
  </message>
  <message>
   <source>Draw areas as</source>
   <translation>区域绘制方式</translation>
  </message>
  <message>
   <source>Filled</source>
   <translation>填充</translation>
  </message>
  <message>
   <source>Outlines</source>
   <translation>轮廓</translation>
  </message>
  <message>
   <source> px</source>
   <translation> px</translation>
  </message>
  <message>
   <source>Width of outlines</source>
   <translation>轮廓宽度</translation>
  </message>
  <message>
   <source>Show or hide the labels</source>
   <translation>显示或隐藏标注</translation>
  </message>
  <message>
   <source>Proposal</source>
   <translation>预测结果</translation>
  </message>
  <message>
   <source>Show or hide the model's proposal</source>
   <translation>显示或隐藏模型的预测结果</translation>
  </message>
  <message>
   <source>Difference</source>
   <translation>差异</translation>
  </message>
  <message>
   <source>Show where labels and proposal differ</source>
   <translation>显示标注与预测不同之处</translation>
  </message>
  <message>
   <source>Pixel grid</source>
   <translation>像素网格</translation>
  </message>
  <message>
   <source>Draw a grid between pixels past 8×</source>
   <translation>放大超过 8 倍时绘制像素网格</translation>
  </message>
  <message>
   <source>What nobody looked at</source>
   <translation>无人查看之处</translation>
  </message>
  <message>
   <source>Veil what was not on the screen long enough, and tell how much was</source>
   <translation>遮盖未在屏幕上停留足够久之处，并告知已看的比例</translation>
  </message>
  <message>
   <source>Heat map</source>
   <translation>热力图</translation>
  </message>
  <message>
   <source>None</source>
   <translation>无</translation>
  </message>
  <message>
   <source>Confidence</source>
   <translation>置信度</translation>
  </message>
  <message>
   <source>Least confidence shown</source>
   <translation>显示的最低置信度</translation>
  </message>
  <message>
   <source>Hide while held</source>
   <translation>按住时隐藏</translation>
  </message>
  <message>
   <source>Hide labels while held</source>
   <translation>按住时隐藏标注</translation>
  </message>
  <message>
   <source>Show the bare image while the key is held</source>
   <translation>按住按键时只显示原图</translation>
  </message>
  <message>
   <source>Opacity</source>
   <translation>不透明度</translation>
  </message>
  <message>
   <source>Areas</source>
   <translation>区域</translation>
  </message>
  <message>
   <source>Outline</source>
   <translation>轮廓</translation>
  </message>
  <message>
   <source>Confidence ≥</source>
   <translation>置信度 ≥</translation>
  </message>
  <message>
   <source>Brightness and contrast</source>
   <translation>亮度与对比度</translation>
  </message>
  <message>
   <source>Patches that the network would see</source>
   <translation>网络将看到的裁块</translation>
  </message>
  <message>
   <source>Preview</source>
   <translation>预览</translation>
  </message>
  <message>
   <source>Plane</source>
   <translation>平面</translation>
  </message>
  <message>
   <source>Plane shown</source>
   <translation>显示的平面</translation>
  </message>
  <message>
   <source>Alt and the wheel on the canvas go through the planes, too</source>
   <translation>在画布上按住 Alt 滚动滚轮也可切换平面</translation>
  </message>
  <message>
   <source>Previous plane</source>
   <translation>上一平面</translation>
  </message>
  <message>
   <source>Next plane</source>
   <translation>下一平面</translation>
  </message>
  <message>
   <source>of {count}</source>
   <translation>/ {count}</translation>
  </message>
  <message>
   <source>Advice</source>
   <translation>建议</translation>
  </message>
  <message>
   <source>Train…</source>
   <translation>训练…</translation>
  </message>
  <message>
   <source>Open the Train panel, where the run can be started</source>
   <translation>打开“训练”面板，可在那里启动训练</translation>
  </message>
  <message>
   <source>Curve over the images</source>
   <translation>图像曲线</translation>
  </message>
  <message>
   <source>Time of each image</source>
   <translation>每张图像的时间</translation>
  </message>
  <message>
   <source>Pixels corrected by hand</source>
   <translation>手工修正的像素</translation>
  </message>
  <message>
   <source>Strokes of each image</source>
   <translation>每张图像的笔画数</translation>
  </message>
  <message>
   <source>Corrective Dice</source>
   <translation>修正 Dice</translation>
  </message>
  <message>
   <source>Curve over the images, in the order they were worked on</source>
   <translation>按工作顺序排列的图像曲线</translation>
  </message>
  <message>
   <source>Images in the order of work; the line is the mean of five, dashed: another version of the model. Double click opens an image.</source>
   <translation>按工作顺序排列的图像；线为五张的平均，虚线：模型换了版本。双击打开图像。</translation>
  </message>
  <message>
   <source>Done</source>
   <translation>完成</translation>
  </message>
  <message>
   <source>Images that are marked as done, of all</source>
   <translation>标记为完成的图像，占全部</translation>
  </message>
  <message>
   <source>Worked</source>
   <translation>已工作</translation>
  </message>
  <message>
   <source>Only while somebody works: pauses of more than 15 s do not count</source>
   <translation>只计工作时间：超过 15 秒的停顿不计</translation>
  </message>
  <message>
   <source>Time left</source>
   <translation>剩余时间</translation>
  </message>
  <message>
   <source>Without another training, at the pace of the last five images that are done</source>
   <translation>不再训练，按最近完成的五张图像的速度</translation>
  </message>
  <message>
   <source>After training</source>
   <translation>训练之后</translation>
  </message>
  <message>
   <source>What would be left after another training, by the law that the versions of the model followed so far; known from two of them on</source>
   <translation>再训练一次后的剩余，按模型各版本至今的规律；有两个版本后才可知</translation>
  </message>
  <message>
   <source>Kept</source>
   <translation>保留</translation>
  </message>
  <message>
   <source>Corrective Dice: how well proposals, as you accepted them, agree with your labels afterwards</source>
   <translation>修正 Dice：您接受的预测与您最终标注的一致程度</translation>
  </message>
  <message>
   <source>A training</source>
   <translation>一次训练</translation>
  </message>
  <message>
   <source>How long the last runs took, beside your work</source>
   <translation>最近几次训练在您工作时所花的时间</translation>
  </message>
  <message>
   <source>No proposal was accepted yet.</source>
   <translation>还没有接受过预测。</translation>
  </message>
  <message>
   <source>The curve begins with the first image you work on.</source>
   <translation>曲线从您处理的第一张图像开始。</translation>
  </message>
  <message>
   <source>no model</source>
   <translation>无模型</translation>
  </message>
  <message>
   <source>not done</source>
   <translation>未完成</translation>
  </message>
  <message>
   <source>Click model</source>
   <translation>点击模型</translation>
  </message>
  <message>
   <source>choose a model</source>
   <translation>选择模型</translation>
  </message>
  <message>
   <source>Segment everything in view</source>
   <translation>分割视野内的所有对象</translation>
  </message>
  <message>
   <source>%1 (download, %2)</source>
   <translation>%1（需下载，%2）</translation>
  </message>
  <message>
   <source>%1 (not usable)</source>
   <translation>%1（不可用）</translation>
  </message>
  <message>
   <source>Refine the proposal</source>
   <translation>细化预测</translation>
  </message>
  <message>
   <source>Close without changing anything</source>
   <translation>关闭，不作任何修改</translation>
  </message>
  <message>
   <source>Fold</source>
   <translation>折叠</translation>
  </message>
  <message>
   <source>Hide the options, or show them</source>
   <translation>隐藏或显示选项</translation>
  </message>
  <message>
   <source>Method</source>
   <translation>方法</translation>
  </message>
  <message>
   <source>Defaults</source>
   <translation>默认值</translation>
  </message>
  <message>
   <source>All options as they were at first</source>
   <translation>将所有选项恢复为初始值</translation>
  </message>
  <message>
   <source>Progress</source>
   <translation>进度</translation>
  </message>
  <message>
   <source>Apply</source>
   <translation>应用</translation>
  </message>
  <message>
   <source>Apply refines the whole proposal.</source>
   <translation>“应用”会细化整个预测。</translation>
  </message>
  <message>
   <source>Zoom in to see a preview; Apply refines all of it.</source>
   <translation>放大以查看预览；“应用”会细化全部。</translation>
  </message>
  <message>
   <source>Nothing would change in view.</source>
   <translation>视野内不会有变化。</translation>
  </message>
  <message>
   <source>In view: %1 px change</source>
   <translation>视野内：%1 个像素改变</translation>
  </message>
  <message>
   <source>reduced so far, now exactly…</source>
   <translation>目前为缩小结果，正在精确计算…</translation>
  </message>
  <message>
   <source>Seen at 1/%1 of the size; zoom in for each pixel.</source>
   <translation>以 1/%1 大小显示；放大可看到每个像素。</translation>
  </message>
  <message>
   <source>The class to change to</source>
   <translation>要改成的类别</translation>
  </message>
  <message>
   <source>First area</source>
   <translation>第一个区域</translation>
  </message>
  <message>
   <source>Second area</source>
   <translation>第二个区域</translation>
  </message>
  <message>
   <source>To class</source>
   <translation>改为类别</translation>
  </message>
  <message>
   <source>A</source>
   <translation>A</translation>
  </message>
  <message>
   <source>B</source>
   <translation>B</translation>
  </message>
  <message>
   <source>everything labelled</source>
   <translation>所有已标注内容</translation>
  </message>
  <message>
   <source>There is no class: add one in the Classes panel.</source>
   <translation>还没有类别：请在“类别”面板中添加。</translation>
  </message>
  <message numerus="yes">
   <source>%n selected objects</source>
   <translation>
    <numerusform>%n 个选中的对象</numerusform>
   </translation>
  </message>
  <message>
   <source>Object %1 (%2)</source>
   <translation>对象 %1（%2）</translation>
  </message>
  <message>
   <source>Into the class “%1”</source>
   <translation>写入类别“%1”</translation>
  </message>
  <message>
   <source>All of the class “%1”</source>
   <translation>类别“%1”的全部</translation>
  </message>
  <message>
   <source>Nothing would change.</source>
   <translation>不会有任何变化。</translation>
  </message>
  <message numerus="yes">
   <source>%n pieces go</source>
   <translation>
    <numerusform>将去掉 %n 块</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>%n holes</source>
   <translation>
    <numerusform>%n 个孔洞</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>%n objects</source>
   <translation>
    <numerusform>%n 个对象</numerusform>
   </translation>
  </message>
  <message>
   <source>In view: %1</source>
   <translation>视野内：%1</translation>
  </message>
  <message>
   <source>Curves of mean IoU and loss</source>
   <translation>平均 IoU 与损失曲线</translation>
  </message>
  <message>
   <source>No epoch to draw yet. Choose a run, or tick several to compare.</source>
   <translation>还没有可绘制的轮次。请选择一次运行，或勾选多次以比较。</translation>
  </message>
  <message>
   <source>epoch; dashed: validation</source>
   <translation>轮次；虚线为验证</translation>
  </message>
  <message>
   <source>Axial</source>
   <translation>轴位</translation>
  </message>
  <message>
   <source>Coronal</source>
   <translation>冠状位</translation>
  </message>
  <message>
   <source>Sagittal</source>
   <translation>矢状位</translation>
  </message>
  <message>
   <source>Across x</source>
   <translation>垂直于 x</translation>
  </message>
  <message>
   <source>Across y</source>
   <translation>垂直于 y</translation>
  </message>
  <message>
   <source>Size of the brush</source>
   <translation>画笔大小</translation>
  </message>
  <message>
   <source>Drag with the right button on the canvas to size the brush</source>
   <translation>在画布上按住右键拖动可调整画笔大小</translation>
  </message>
  <message>
   <source>Round or square brush</source>
   <translation>圆形或方形画笔</translation>
  </message>
  <message>
   <source>Round brush</source>
   <translation>圆形画笔</translation>
  </message>
  <message>
   <source>Square brush</source>
   <translation>方形画笔</translation>
  </message>
  <message>
   <source>Paint over</source>
   <translation>绘制范围</translation>
  </message>
  <message>
   <source>Where painting may go</source>
   <translation>允许绘制的位置</translation>
  </message>
  <message>
   <source>everything</source>
   <translation>任意位置</translation>
  </message>
  <message>
   <source>background only</source>
   <translation>仅背景</translation>
  </message>
  <message>
   <source>one class only</source>
   <translation>仅某一类别</translation>
  </message>
  <message>
   <source>Locked classes are never painted over</source>
   <translation>锁定的类别永不被覆盖</translation>
  </message>
  <message>
   <source>The class that may be painted over</source>
   <translation>允许覆盖的类别</translation>
  </message>
  <message>
   <source>choose a class</source>
   <translation>选择类别</translation>
  </message>
  <message>
   <source>Compare with the model it started from</source>
   <translation>与起始模型比较</translation>
  </message>
  <message>
   <source>Evaluates both on the validation images, which takes a while</source>
   <translation>在验证图像上评估两个模型，需要一些时间</translation>
  </message>
  <message>
   <source>Start</source>
   <translation>开始</translation>
  </message>
  <message>
   <source>Stop and keep</source>
   <translation>停止并保留</translation>
  </message>
  <message>
   <source>Preview patches…</source>
   <translation>预览裁块…</translation>
  </message>
  <message>
   <source>Runs…</source>
   <translation>训练记录…</translation>
  </message>
  <message>
   <source>Evaluate…</source>
   <translation>评估…</translation>
  </message>
  <message numerus="yes">
   <source>%n labelled image(s)</source>
   <translation>
    <numerusform>%n 张已标注图像</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>%n labelled plane(s) of volumes</source>
   <translation>
    <numerusform>体数据的 %n 个已标注平面</numerusform>
   </translation>
  </message>
  <message>
   <source>%1 for training, %2 for validation</source>
   <translation>训练 %1 张，验证 %2 张</translation>
  </message>
  <message>
   <source>a run of planes kept for validation</source>
   <translation>留出一段连续平面用于验证</translation>
  </message>
  <message>
   <source>a part of it kept for validation</source>
   <translation>其中一部分留作验证</translation>
  </message>
  <message>
   <source>%1 of them kept for validation</source>
   <translation>其中 %1 用于验证</translation>
  </message>
  <message>
   <source>epoch</source>
   <translation>轮</translation>
  </message>
  <message>
   <source>best mIoU</source>
   <translation>最佳 mIoU</translation>
  </message>
  <message>
   <source>Finished</source>
   <translation>已完成</translation>
  </message>
  <message>
   <source>Failed</source>
   <translation>失败</translation>
  </message>
  <message>
   <source>Start from</source>
   <translation>起点</translation>
  </message>
  <message>
   <source>Loss</source>
   <translation>损失</translation>
  </message>
  <message>
   <source>What stays frozen, and options of the network</source>
   <translation>冻结的部分与网络选项</translation>
  </message>
  <message>
   <source>Frozen</source>
   <translation>冻结</translation>
  </message>
  <message>
   <source>Layers of the encoder that learn nothing, from the input on: needs less memory, and fewer labels</source>
   <translation>编码器从输入端起不参与学习的层：所需内存和标注更少</translation>
  </message>
  <message>
   <source>Refinement</source>
   <translation>细化层</translation>
  </message>
  <message>
   <source>Layers after the network that move borders onto the edges of the image and learn with it</source>
   <translation>接在网络之后的层，把边界移到图像边缘上，并与网络一同学习</translation>
  </message>
  <message>
   <source>Splits, augmentation, loss, optimiser, precision and checkpoints, each with when to change it</source>
   <translation>数据划分、增强、损失、优化器、精度和检查点，每项都说明何时更改</translation>
  </message>
  <message>
   <source>Batch</source>
   <translation>批大小</translation>
  </message>
  <message>
   <source>Patch</source>
   <translation>裁块</translation>
  </message>
  <message>
   <source>Learning rate</source>
   <translation>学习率</translation>
  </message>
  <message>
   <source>Rate</source>
   <translation>学习率</translation>
  </message>
  <message>
   <source>All settings… (%1 changed)</source>
   <translation>全部设置…（已更改 %1 项）</translation>
  </message>
  <message>
   <source>All settings…</source>
   <translation>全部设置…</translation>
  </message>
  <message>
   <source>ImageNet encoder</source>
   <translation>ImageNet 编码器</translation>
  </message>
  <message>
   <source>from scratch</source>
   <translation>从零开始</translation>
  </message>
  <message>
   <source>IoU by class</source>
   <translation>各类别 IoU</translation>
  </message>
  <message>
   <source>Curves of loss and mean IoU</source>
   <translation>损失与平均 IoU 曲线</translation>
  </message>
  <message>
   <source>rate</source>
   <translation>学习率</translation>
  </message>
  <message>
   <source>Factor of %1</source>
   <translation>%1 的系数</translation>
  </message>
  <message>
   <source>Tick at least one loss.</source>
   <translation>请至少勾选一种损失。</translation>
  </message>
  <message>
   <source>Show the steps</source>
   <translation>显示各步骤</translation>
  </message>
  <message>
   <source>Starts from a model you have</source>
   <translation>从您已有的模型开始</translation>
  </message>
  <message>
   <source>Starts from scratch: wants many labels and many epochs</source>
   <translation>从零开始：需要大量标注和轮数</translation>
  </message>
  <message>
   <source>ImageNet weights are installed: works offline</source>
   <translation>ImageNet 权重已安装：可离线使用</translation>
  </message>
  <message>
   <source>ImageNet weights were fetched before</source>
   <translation>ImageNet 权重先前已下载</translation>
  </message>
  <message>
   <source>ImageNet weights are fetched when the run starts (timm)</source>
   <translation>ImageNet 权重在训练开始时下载（timm）</translation>
  </message>
  <message>
   <source>ImageNet weights are missing: start from scratch</source>
   <translation>没有 ImageNet 权重：从零开始</translation>
  </message>
  <message>
   <source>What this network costs is known when it has been built</source>
   <translation>此网络的开销在建立之后才知道</translation>
  </message>
  <message>
   <source>%1 M parameters · %2 G multiply-adds a patch · about %3 to train</source>
   <translation>%1 M 参数 · 每裁块 %2 G 次乘加 · 训练约需 %3</translation>
  </message>
  <message>
   <source>(with its usual options)</source>
   <translation>（按其常用选项）</translation>
  </message>
  <message>
   <source>about %1 on this computer (%2)</source>
   <translation>在本机（%2）上约 %1</translation>
  </message>
  <message>
   <source>%1 to %2</source>
   <translation>%1 至 %2</translation>
  </message>
  <message>
   <source>%1 to %2 on this computer (%3), judged by runs of other networks</source>
   <translation>在本机（%3）上 %1 至 %2，根据其他网络的训练估计</translation>
  </message>
  <message>
   <source>%1 to %2 on this computer (%3): a rough guess, since nothing was trained here yet</source>
   <translation>在本机（%3）上 %1 至 %2：粗略估计，因为本机尚未训练过</translation>
  </message>
  <message>
   <source>The graphics card has %1, which is too little: choose a smaller patch or batch, or a lighter network</source>
   <translation>显卡有 %1，不够用：请选择更小的裁块或批次，或更轻的网络</translation>
  </message>
  <message>
   <source>This computer has %1 of memory, which is too little: choose a smaller patch or batch, or a lighter network</source>
   <translation>本机有 %1 内存，不够用：请选择更小的裁块或批次，或更轻的网络</translation>
  </message>
  <message>
   <source>%1 M parameters, %2 M of them frozen</source>
   <translation>%1 M 参数，其中 %2 M 冻结</translation>
  </message>
  <message>
   <source>%1 M parameters</source>
   <translation>%1 M 参数</translation>
  </message>
  <message>
   <source>Labelled pixels by class</source>
   <translation>各类别已标注像素</translation>
  </message>
  <message>
   <source>Validation images: image, truth, prediction</source>
   <translation>验证图像：原图、真值、预测</translation>
  </message>
  <message>
   <source>image</source>
   <translation>原图</translation>
  </message>
  <message>
   <source>Click or drag to move the cross-hair, scroll to go through the slices.
The patient's right is at the left (radiological convention).</source>
   <translation>单击或拖动可移动十字线，滚动可切换切片。
患者的右侧在画面左侧（放射学惯例）。</translation>
  </message>
  <message>
   <source>“%1” answers the clicks of the tool “Click to segment” now.</source>
   <translation>现在由“%1”响应“点击分割”工具的点击。</translation>
  </message>
  <message>
   <source>Download %1</source>
   <translation>下载 %1</translation>
  </message>
  <message>
   <source>Segmenting everything in view</source>
   <translation>正在分割视野内的所有对象</translation>
  </message>
  <message>
   <source>Refining the proposal</source>
   <translation>正在细化预测</translation>
  </message>
  <message>
   <source>Or drop images, a folder or a project anywhere in this window.</source>
   <translation>或将图像、文件夹或项目拖到窗口任意处。</translation>
  </message>
  <message>
   <source>Recent projects</source>
   <translation>最近的项目</translation>
  </message>
  <message>
   <source>Projects you open are listed here. “Open sample” shows the whole way on real images.</source>
   <translation>打开过的项目会列在此处。“打开示例”以真实图像展示完整流程。</translation>
  </message>
  <message>
   <source>Open the project</source>
   <translation>打开项目</translation>
  </message>
  <message>
   <source>Take it off this list; its files stay</source>
   <translation>从列表中移除；文件保留</translation>
  </message>
  <message>
   <source>Take %1 off the list</source>
   <translation>从列表中移除 %1</translation>
  </message>
  <message>
   <source>today</source>
   <translation>今天</translation>
  </message>
  <message>
   <source>yesterday</source>
   <translation>昨天</translation>
  </message>
  <message numerus="yes">
   <source>%n day(s) ago</source>
   <translation>
    <numerusform>%n 天前</numerusform>
   </translation>
  </message>
  <message>
   <source>Position</source>
   <translation>位置</translation>
  </message>
  <message>
   <source>Place</source>
   <translation>位置</translation>
  </message>
  <message>
   <source>value</source>
   <translation>值</translation>
  </message>
  <message>
   <source>Class under the cursor</source>
   <translation>光标下的类别</translation>
  </message>
  <message>
   <source>Hint</source>
   <translation>提示</translation>
  </message>
  <message>
   <source>Zoom</source>
   <translation>缩放</translation>
  </message>
  <message>
   <source>zoom</source>
   <translation>缩放</translation>
  </message>
  <message>
   <source>class</source>
   <translation>类别</translation>
  </message>
  <message>
   <source>plane {number} of {count}</source>
   <translation>第 {number} / {count} 平面</translation>
  </message>
  <message>
   <source>Tools</source>
   <translation>工具</translation>
  </message>
  <message>
   <source>Training (paused)</source>
   <translation>训练（已暂停）</translation>
  </message>
  <message>
   <source>Use it for this image</source>
   <translation>用于此图像</translation>
  </message>
  <message>
   <source>Make it the current model</source>
   <translation>设为当前模型</translation>
  </message>
  <message>
   <source>Train on</source>
   <translation>继续训练</translation>
  </message>
  <message>
   <source>Training has ended. The new model “%1” is in the list.</source>
   <translation>训练已结束。新模型“%1”已加入列表。</translation>
  </message>
  <message>
   <source>Try half the batch</source>
   <translation>批大小减半重试</translation>
  </message>
  <message>
   <source>Keep the old model</source>
   <translation>保留旧模型</translation>
  </message>
  <message numerus="yes">
   <source>Better than the model it started from (%1): mean IoU %2 → %3 on %n validation image(s).</source>
   <translation>
    <numerusform>优于起始模型（%1）：在 %n 幅验证图像上平均 IoU %2 → %3。</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>Worse than the model it started from (%1): mean IoU %2 → %3 on %n validation image(s).</source>
   <translation>
    <numerusform>不如起始模型（%1）：在 %n 幅验证图像上平均 IoU %2 → %3。</numerusform>
   </translation>
  </message>
  <message numerus="yes">
   <source>As good as the model it started from (%1): mean IoU %2 → %3 on %n validation image(s).</source>
   <translation>
    <numerusform>与起始模型（%1）相当：在 %n 幅验证图像上平均 IoU %2 → %3。</numerusform>
   </translation>
  </message>
  <message>
   <source>Worse in: %1.</source>
   <translation>变差的类别：%1。</translation>
  </message>
  <message>
   <source>The project can't be written.</source>
   <translation>项目无法写入。</translation>
  </message>
  <message>
   <source>Read-only: %1 Looking and exporting work; edits don't.</source>
   <translation>只读：%1可以查看和导出，不能编辑。</translation>
  </message>
  <message>
   <source>Drop images here, or press Ctrl+I to add some.</source>
   <translation>将图像拖到此处，或按 Ctrl+I 添加。</translation>
  </message>
  <message>
   <source>The language changes when segstudio opens again.</source>
   <translation>重新打开 segstudio 后语言生效。</translation>
  </message>
  <message>
   <source>The model found nothing there: click somewhere else on it, or press Esc.</source>
   <translation>模型在那里没有找到任何东西：请点击目标的其他位置，或按 Esc。</translation>
  </message>
  <message>
   <source>What the model found there is protected already: accepted objects and locked classes stay as they are.</source>
   <translation>模型在那里找到的已受保护：已接受的对象和锁定的类别保持不变。</translation>
  </message>
  <message>
   <source>Open an image first: models are compared on the one that is shown.</source>
   <translation>请先打开图像：模型在当前显示的图像上比较。</translation>
  </message>
  <message>
   <source>Choose two different models to compare.</source>
   <translation>请选择两个不同的模型进行比较。</translation>
  </message>
  <message>
   <source>There is no finished answer on this side yet.</source>
   <translation>这一侧还没有完成的结果。</translation>
  </message>
  <message>
   <source>The picture is still being opened: try again in a moment.</source>
   <translation>图像仍在打开：请稍后再试。</translation>
  </message>
  <message>
   <source>Everything in view is being segmented already: wait until that is done, or stop it.</source>
   <translation>正在分割视野内的所有对象：请等待完成，或停止它。</translation>
  </message>
  <message>
   <source>Nothing was found in view that stands out and is not labelled yet.</source>
   <translation>视野内没有找到突出且尚未标注的对象。</translation>
  </message>
  <message>
   <source>Nothing was erased, painted or rejected here that models would leave alone.</source>
   <translation>这里没有模型会避开的擦除、绘制或拒绝之处。</translation>
  </message>
  <message>
   <source>This is the only layer: clear its labels instead of deleting it.</source>
   <translation>这是唯一的图层：请清除其标注，而不要删除它。</translation>
  </message>
  <message>
   <source>All of this image was looked at.</source>
   <translation>此图像已全部看过。</translation>
  </message>
  <message>
   <source>Nothing was copied yet.</source>
   <translation>还没有复制任何内容。</translation>
  </message>
  <message>
   <source>There is nothing to copy: point at a label, or choose an object or a class on this plane.</source>
   <translation>没有可复制的内容：请指向一处标注，或在本平面上选择对象或类别。</translation>
  </message>
  <message>
   <source>This place is confirmed already.</source>
   <translation>该处已经确认过。</translation>
  </message>
  <message>
   <source>The labels were changed meanwhile: do it once more.</source>
   <translation>标注在此期间已改变：请再做一次。</translation>
  </message>
  <message>
   <source>There is no plane beyond this one.</source>
   <translation>后面没有平面了。</translation>
  </message>
  <message>
   <source>This image has only one plane.</source>
   <translation>这幅图像只有一个平面。</translation>
  </message>
  <message>
   <source>The project is read-only, so there is no place for what is learned.</source>
   <translation>项目为只读，无处存放所学内容。</translation>
  </message>
  <message>
   <source>There is no image yet: add some first.</source>
   <translation>还没有图像：请先添加。</translation>
  </message>
  <message>
   <source>There is no class yet: add one in the Classes panel first.</source>
   <translation>还没有类别：请先在“类别”面板中添加。</translation>
  </message>
  <message>
   <source>There is no model to propose with.</source>
   <translation>没有可用于预测的模型。</translation>
  </message>
  <message>
   <source>There is no image to propose for.</source>
   <translation>没有可预测的图像。</translation>
  </message>
  <message>
   <source>The project is read-only, so a run has no place to be written to.</source>
   <translation>项目为只读，训练结果无处写入。</translation>
  </message>
  <message>
   <source>There is no class: add one and label some images first.</source>
   <translation>没有类别：请先添加类别并标注一些图像。</translation>
  </message>
  <message>
   <source>No pixel is labelled yet: label something, or accept a proposal, first.</source>
   <translation>还没有标注任何像素：请先标注一些内容，或接受一个建议。</translation>
  </message>
  <message>
   <source>All labelled images are in the val split: put some into train.</source>
   <translation>所有已标注图像都在验证集中：请将一部分放入训练集。</translation>
  </message>
  <message>
   <source>No click model is here yet: choose one in the tool options or in the catalog to download it, or open a weights file of yours with “Use a weights file…” in the Model menu.</source>
   <translation>还没有点击模型：请在工具选项或目录中选择一个下载，或用“模型”菜单中的“使用权重文件…”打开您自己的权重文件。</translation>
  </message>
  <message>
   <source>Click models run in the window only.</source>
   <translation>点击模型只能在窗口中运行。</translation>
  </message>
  <message>
   <source>This image has no proposal: let a model propose first.</source>
   <translation>此图像没有预测：请先让模型预测。</translation>
  </message>
  <message>
   <source>There is nothing of it in the proposal at this confidence.</source>
   <translation>在此置信度下预测中没有该内容。</translation>
  </message>
  <message>
   <source>The proposal changed while it was being refined, so the refinement was dropped: apply it again.</source>
   <translation>预测在细化过程中发生了改变，因此丢弃了细化结果：请重新应用。</translation>
  </message>
  <message>
   <source>The project is open read-only: refining would change it.</source>
   <translation>项目以只读方式打开：细化会改变它。</translation>
  </message>
  <message>
   <source>A model is proposing for this image: wait until it is done, or stop it.</source>
   <translation>有模型正在为此图像预测：请等待完成或将其停止。</translation>
  </message>
  <message>
   <source>The proposal is being refined: wait until it is done, or stop it.</source>
   <translation>预测正在细化：请等待完成或将其停止。</translation>
  </message>
  <message>
   <source>The image's file is not there: find it again in the list of images.</source>
   <translation>图像文件不在：请在图像列表中重新定位。</translation>
  </message>
  <message>
   <source>The refinement found nothing to change.</source>
   <translation>细化没有发现需要改变的地方。</translation>
  </message>
  <message>
   <source>The labels changed meanwhile, so nothing was done: try again.</source>
   <translation>标注在此期间已改变，因此未作修改：请重试。</translation>
  </message>
  <message>
   <source>There is no class to paint with: add one in the Classes panel.</source>
   <translation>没有可用于绘制的类别：请在“类别”面板中添加。</translation>
  </message>
  <message>
   <source>The project is on disk again; nothing was lost.</source>
   <translation>项目已重新写入磁盘；没有任何丢失。</translation>
  </message>
  <message>
   <source>These images are in the project already.</source>
   <translation>这些图像已在项目中。</translation>
  </message>
  <message>
   <source>There is no image in what was given.</source>
   <translation>给出的内容中没有图像。</translation>
  </message>
  <message>
   <source>The label there is another one by now.</source>
   <translation>那里的标注现在已是另一个。</translation>
  </message>
  <message>
   <source>Nothing was found there: mark it anew, or press Esc.</source>
   <translation>那里没有找到对象：请重新标记，或按 Esc。</translation>
  </message>
  <message>
   <source>It lies outside the image and was put back.</source>
   <translation>它在图像之外，已放回原处。</translation>
  </message>
  <message>
   <source>A polygon needs at least three points.</source>
   <translation>多边形至少需要三个点。</translation>
  </message>
  <message>
   <source>No proposal and no object lies there: click on an object first, then on what does not belong.</source>
   <translation>那里没有预测也没有对象：请先点击对象，再点击不属于它的部分。</translation>
  </message>
  <message>
   <source>All that is in view is of one colour: there is nothing to tell an object by.</source>
   <translation>视野内只有一种颜色：无从分辨对象。</translation>
  </message>
  <message>
   <source>That is outside the image: click on an object in it.</source>
   <translation>那里在图像之外：请点击图像中的对象。</translation>
  </message>
  <message>
   <source>The image holds no data there: nothing can be labelled.</source>
   <translation>图像在那里没有数据：无法标注。</translation>
  </message>
  <message>
   <source>Smart scissors need at least two nodes.</source>
   <translation>智能剪刀至少需要两个节点。</translation>
  </message>
  <message>
   <source>PNG masks</source>
   <translation>PNG 掩码</translation>
  </message>
  <message>
   <source>One index mask an image, palette PNG, with classes.json: read by nearly everything.</source>
   <translation>每张图像一个索引掩码（调色板 PNG），附 classes.json：几乎所有软件都能读取。</translation>
  </message>
  <message>
   <source>Pascal VOC</source>
   <translation>Pascal VOC</translation>
  </message>
  <message>
   <source>The VOCdevkit layout: JPEGImages, SegmentationClass, SegmentationObject, ImageSets.</source>
   <translation>VOCdevkit 目录结构：JPEGImages、SegmentationClass、SegmentationObject、ImageSets。</translation>
  </message>
  <message>
   <source>COCO</source>
   <translation>COCO</translation>
  </message>
  <message>
   <source>One JSON with RLE and polygons, objects and stuff.</source>
   <translation>一个 JSON 文件，含 RLE 与多边形、对象与区域。</translation>
  </message>
  <message>
   <source>COCO panoptic</source>
   <translation>COCO 全景分割</translation>
  </message>
  <message>
   <source>A PNG an image whose colours number the segments, and one JSON: things and stuff.</source>
   <translation>每张图像一个以颜色编号分段的 PNG，外加一个 JSON：对象与区域。</translation>
  </message>
  <message>
   <source>ADE20K</source>
   <translation>ADE20K</translation>
  </message>
  <message>
   <source>The layout of the scene parsing challenge, and of the full data with its objects.</source>
   <translation>场景解析挑战赛的目录结构，以及带对象的完整数据。</translation>
  </message>
  <message>
   <source>Cityscapes</source>
   <translation>Cityscapes</translation>
  </message>
  <message>
   <source>labelIds, instanceIds and polygons beside leftImg8bit, in folders of cities.</source>
   <translation>labelIds、instanceIds 和多边形与 leftImg8bit 并列，按城市分文件夹。</translation>
  </message>
  <message>
   <source>CamVid</source>
   <translation>CamVid</translation>
  </message>
  <message>
   <source>Images and index masks in a folder a split, as SegNet and its followers read them.</source>
   <translation>每个划分一个文件夹，含图像与索引掩膜，与 SegNet 及其后续工作的读法一致。</translation>
  </message>
  <message>
   <source>YOLO segmentation</source>
   <translation>YOLO 分割</translation>
  </message>
  <message>
   <source>A text file of polygons an image, and data.yaml: for training YOLO.</source>
   <translation>每张图像一个多边形文本文件，外加 data.yaml：用于训练 YOLO。</translation>
  </message>
  <message>
   <source>labelme</source>
   <translation>labelme</translation>
  </message>
  <message>
   <source>A JSON file beside each image: polygons, masks and other shapes.</source>
   <translation>每张图像旁一个 JSON 文件：多边形、掩膜及其他形状。</translation>
  </message>
  <message>
   <source>CVAT</source>
   <translation>CVAT</translation>
  </message>
  <message>
   <source>“CVAT for images 1.1”: one XML with polygons and masks.</source>
   <translation>“CVAT for images 1.1”：一个含多边形与掩膜的 XML。</translation>
  </message>
  <message>
   <source>Label Studio</source>
   <translation>Label Studio</translation>
  </message>
  <message>
   <source>One JSON of tasks with brush masks and polygons.</source>
   <translation>一个任务 JSON，含画笔掩膜与多边形。</translation>
  </message>
  <message>
   <source>GeoTIFF</source>
   <translation>GeoTIFF</translation>
  </message>
  <message>
   <source>Index masks that lie on the map: CRS and transform of the image, tiled, in the classes' colours.</source>
   <translation>带地理位置的索引掩膜：沿用图像的 CRS 和变换，分块存储，使用类别颜色。</translation>
  </message>
  <message>
   <source>GeoJSON</source>
   <translation>GeoJSON</translation>
  </message>
  <message>
   <source>Polygons with holes on the map, one file an image: for QGIS and other map programs.</source>
   <translation>地图上的带孔多边形，每幅图像一个文件：用于 QGIS 等地图软件。</translation>
  </message>
  <message>
   <source>GeoPackage</source>
   <translation>GeoPackage</translation>
  </message>
  <message>
   <source>Polygons with holes and their attributes in one file: for QGIS and other map programs.</source>
   <translation>一个文件含带孔洞的多边形及其属性：供 QGIS 等地图软件使用。</translation>
  </message>
  <message>
   <source>NIfTI volumes</source>
   <translation>NIfTI 体数据</translation>
  </message>
  <message>
   <source>A label map a volume, with the image's own affine, spacing and order of voxels.</source>
   <translation>每个体数据一个标签图，保留图像自身的仿射、间距和体素顺序。</translation>
  </message>
  <message>
   <source>DICOM segmentation</source>
   <translation>DICOM 分割</translation>
  </message>
  <message>
   <source>A DICOM SEG object a series, its segments being the classes.</source>
   <translation>每个序列一个 DICOM SEG 对象，其分段即类别。</translation>
  </message>
  <message>
   <source>NumPy arrays</source>
   <translation>NumPy 数组</translation>
  </message>
  <message>
   <source>An .npz an image with class and object arrays: for scripts of your own.</source>
   <translation>每张图像一个 .npz，含类别与对象数组：供自己的脚本使用。</translation>
  </message>
  <message>
   <source>Parquet</source>
   <translation>Parquet</translation>
  </message>
  <message>
   <source>A table with an image and a mask column, as Hugging Face datasets has them.</source>
   <translation>含图像列与掩膜列的表格，与 Hugging Face datasets 一致。</translation>
  </message>
  <message>
   <source>Polygons in place of RLE</source>
   <translation>用多边形代替 RLE</translation>
  </message>
  <message>
   <source>Areas (stuff) beside objects</source>
   <translation>除对象外也导出区域（stuff）</translation>
  </message>
  <message>
   <source>Layout</source>
   <translation>目录结构</translation>
  </message>
  <message>
   <source>Cut holes out, don't fill</source>
   <translation>保留孔洞，不填充</translation>
  </message>
  <message>
   <source>Masks in place of polygons</source>
   <translation>用掩膜代替多边形</translation>
  </message>
  <message>
   <source>The images inside the JSON files</source>
   <translation>图像嵌入 JSON 文件</translation>
  </message>
  <message>
   <source>Polygons in place of masks</source>
   <translation>用多边形代替掩膜</translation>
  </message>
  <message>
   <source>Polygons in place of brush masks</source>
   <translation>用多边形代替画笔掩膜</translation>
  </message>
  <message>
   <source>Copy the images, too</source>
   <translation>同时复制图像</translation>
  </message>
  <message>
   <source>Nodata value (-1: as ignored)</source>
   <translation>无数据值（-1：同忽略）</translation>
  </message>
  <message>
   <source>Longitude and latitude (WGS84) in place of the image's CRS</source>
   <translation>用经纬度（WGS84）代替图像的 CRS</translation>
  </message>
  <message>
   <source>The images too, as NIfTI without patient data</source>
   <translation>同时导出图像（不含患者信息的 NIfTI）</translation>
  </message>
  <message>
   <source>The images, too</source>
   <translation>同时导出图像</translation>
  </message>
  <message>
   <source>Keep the patient's name and number</source>
   <translation>保留患者姓名与编号</translation>
  </message>
  <message>
   <source>One label map, not a mask a class</source>
   <translation>一个标签图，而非每类一个掩膜</translation>
  </message>
  <message>
   <source>Folder of the images</source>
   <translation>图像文件夹</translation>
  </message>
  <message>
   <source>Folder of the masks</source>
   <translation>掩膜文件夹</translation>
  </message>
  <message>
   <source>Value 0 is a class, too</source>
   <translation>值 0 也是类别</translation>
  </message>
  <message>
   <source>Value of ignored pixels</source>
   <translation>忽略像素的值</translation>
  </message>
  <message>
   <source>Boxes without a mask, as rectangles</source>
   <translation>没有掩膜的框作为矩形</translation>
  </message>
  <message>
   <source>Folder of the PNGs</source>
   <translation>PNG 文件夹</translation>
  </message>
  <message>
   <source>From the polygons, not the PNGs</source>
   <translation>取自多边形，而非 PNG</translation>
  </message>
  <message>
   <source>Width of lines, px</source>
   <translation>线宽（像素）</translation>
  </message>
  <message>
   <source>Size of points, px</source>
   <translation>点的大小（像素）</translation>
  </message>
  <message>
   <source>Annotations of a task</source>
   <translation>任务的标注</translation>
  </message>
  <message>
   <source>Predictions, too</source>
   <translation>同时导入预测</translation>
  </message>
  <message>
   <source>Field that names the class</source>
   <translation>表示类别的字段</translation>
  </message>
  <message>
   <source>Each feature is an object</source>
   <translation>每个要素是一个对象</translation>
  </message>
  <message>
   <source>Stacks are</source>
   <translation>图像堆栈视为</translation>
  </message>
  <message>
   <source>comes</source>
   <translation>导入</translation>
  </message>
  <message>
   <source>comes with its image</source>
   <translation>连同图像导入</translation>
  </message>
  <message>
   <source>there already</source>
   <translation>已有</translation>
  </message>
  <message>
   <source>no image</source>
   <translation>没有图像</translation>
  </message>
  <message>
   <source>conflict</source>
   <translation>冲突</translation>
  </message>
  <message>
   <source>skipped</source>
   <translation>跳过</translation>
  </message>
  <message>
   <source>note</source>
   <translation>备注</translation>
  </message>
  <message>
   <source>Scene parsing challenge</source>
   <translation>场景解析挑战赛</translation>
  </message>
  <message>
   <source>The full data, with objects</source>
   <translation>带对象的完整数据</translation>
  </message>
  <message>
   <source>the best one</source>
   <translation>最好的一个</translation>
  </message>
  <message>
   <source>all of them</source>
   <translation>全部</translation>
  </message>
  <message>
   <source>as their names say</source>
   <translation>按名称判断</translation>
  </message>
  <message>
   <source>one volume</source>
   <translation>一个体数据</translation>
  </message>
  <message>
   <source>single images</source>
   <translation>单张图像</translation>
  </message>
  <message>
   <source>Favourites</source>
   <translation>收藏</translation>
  </message>
  <message>
   <source>Trained in this project</source>
   <translation>本项目训练</translation>
  </message>
  <message>
   <source>Built in</source>
   <translation>内置</translation>
  </message>
  <message>
   <source>From files</source>
   <translation>来自文件</translation>
  </message>
  <message>
   <source>To download</source>
   <translation>可下载</translation>
  </message>
  <message>
   <source>No network needed</source>
   <translation>无需网络模型</translation>
  </message>
  <message>
   <source>Classes for every pixel</source>
   <translation>逐像素类别</translation>
  </message>
  <message>
   <source>Clicks and boxes</source>
   <translation>点击与框选</translation>
  </message>
  <message>
   <source>Networks to train</source>
   <translation>可训练的网络</translation>
  </message>
  <message>
   <source>Encoders</source>
   <translation>编码器</translation>
  </message>
  <message>
   <source>Refinements</source>
   <translation>细化方法</translation>
  </message>
  <message>
   <source>Ready</source>
   <translation>就绪</translation>
  </message>
  <message>
   <source>To be trained</source>
   <translation>待训练</translation>
  </message>
  <message>
   <source>cross-entropy + Dice</source>
   <translation>交叉熵 + Dice</translation>
  </message>
  <message>
   <source>cross-entropy</source>
   <translation>交叉熵</translation>
  </message>
  <message>
   <source>cross-entropy + Lovász</source>
   <translation>交叉熵 + Lovász</translation>
  </message>
  <message>
   <source>focal</source>
   <translation>焦点损失</translation>
  </message>
  <message>
   <source>Tversky</source>
   <translation>Tversky</translation>
  </message>
  <message>
   <source>Lovász</source>
   <translation>Lovász</translation>
  </message>
  <message>
   <source>Dice + boundary</source>
   <translation>Dice + 边界</translation>
  </message>
  <message>
   <source>hard pixels (OHEM)</source>
   <translation>难例像素 (OHEM)</translation>
  </message>
  <message>
   <source>binary cross-entropy</source>
   <translation>二元交叉熵</translation>
  </message>
  <message>
   <source>Good for most pictures</source>
   <translation>适合大多数图像</translation>
  </message>
  <message>
   <source>Every pixel counts alike, so large classes count most</source>
   <translation>每个像素同等计算，所以大类别影响最大</translation>
  </message>
  <message>
   <source>Overlap: small classes count as much as large ones</source>
   <translation>按重叠计算：小类别与大类别同样重要</translation>
  </message>
  <message>
   <source>Learns for the IoU: good when small regions are lost</source>
   <translation>直接优化 IoU：小区域容易丢失时适用</translation>
  </message>
  <message>
   <source>Pixels that are right already count little: for rare classes</source>
   <translation>已经正确的像素影响很小：适合稀少的类别</translation>
  </message>
  <message>
   <source>Rather marks too much than misses something: for small lesions and defects</source>
   <translation>宁可多标也不漏标：适合小病灶和缺陷</translation>
  </message>
  <message>
   <source>The IoU alone: for training a model further</source>
   <translation>只优化 IoU：适合继续训练已有模型</translation>
  </message>
  <message>
   <source>Pixels far from the true border cost more: for clean outlines</source>
   <translation>离真实边界越远的像素代价越大：轮廓更干净</translation>
  </message>
  <message>
   <source>Learns from the pixels that are wrong or unsure only</source>
   <translation>只从错误或不确定的像素学习</translation>
  </message>
  <message>
   <source>Asks yes or no for each class by itself</source>
   <translation>对每个类别单独判断是或否</translation>
  </message>
  <message>
   <source>How many classes of brightness there are</source>
   <translation>亮度分为多少类</translation>
  </message>
  <message>
   <source>Objects are</source>
   <translation>对象</translation>
  </message>
  <message>
   <source>bright</source>
   <translation>较亮</translation>
  </message>
  <message>
   <source>dark</source>
   <translation>较暗</translation>
  </message>
  <message>
   <source>Band</source>
   <translation>波段</translation>
  </message>
  <message>
   <source>Which band is looked at, from 1; 0 is the brightness of all</source>
   <translation>查看哪个波段，从 1 数起；0 为总亮度</translation>
  </message>
  <message>
   <source>sauvola</source>
   <translation>Sauvola</translation>
  </message>
  <message>
   <source>gaussian</source>
   <translation>高斯</translation>
  </message>
  <message>
   <source>Window (px)</source>
   <translation>窗口（像素）</translation>
  </message>
  <message>
   <source>Side of the neighbourhood</source>
   <translation>邻域边长</translation>
  </message>
  <message>
   <source>Sensitivity k</source>
   <translation>灵敏度 k</translation>
  </message>
  <message>
   <source>Sauvola: larger finds less</source>
   <translation>Sauvola：越大找到的越少</translation>
  </message>
  <message>
   <source>Offset</source>
   <translation>偏移</translation>
  </message>
  <message>
   <source>Gaussian: larger finds less</source>
   <translation>高斯：越大找到的越少</translation>
  </message>
  <message>
   <source>Size (px)</source>
   <translation>大小（像素）</translation>
  </message>
  <message>
   <source>About how wide a superpixel is, in pixels</source>
   <translation>超像素的大致宽度（像素）</translation>
  </message>
  <message>
   <source>Compactness</source>
   <translation>紧致度</translation>
  </message>
  <message>
   <source>Larger makes squares</source>
   <translation>越大越接近方形</translation>
  </message>
  <message>
   <source>Scale</source>
   <translation>尺度</translation>
  </message>
  <message>
   <source>Larger makes larger areas</source>
   <translation>越大区域越大</translation>
  </message>
  <message>
   <source>Smoothing (px)</source>
   <translation>平滑（像素）</translation>
  </message>
  <message>
   <source>Least area (px)</source>
   <translation>最小面积（像素）</translation>
  </message>
  <message>
   <source>Operator</source>
   <translation>算子</translation>
  </message>
  <message>
   <source>sobel</source>
   <translation>Sobel</translation>
  </message>
  <message>
   <source>scharr</source>
   <translation>Scharr</translation>
  </message>
  <message>
   <source>laplacian</source>
   <translation>拉普拉斯</translation>
  </message>
  <message>
   <source>canny</source>
   <translation>Canny</translation>
  </message>
  <message>
   <source>Edge strength</source>
   <translation>边缘强度</translation>
  </message>
  <message>
   <source>0 to 1; 0 finds it by Otsu</source>
   <translation>0 到 1；0 表示用 Otsu 求得</translation>
  </message>
  <message>
   <source>Closing (px)</source>
   <translation>闭合（像素）</translation>
  </message>
  <message>
   <source>Gaps of the outlines up to this width are closed: dilation before filling, erosion after</source>
   <translation>不超过此宽度的轮廓缺口会被闭合：填充前膨胀，之后腐蚀</translation>
  </message>
  <message>
   <source>Smaller regions are left out</source>
   <translation>更小的区域会被略去</translation>
  </message>
  <message>
   <source>Seen at (px)</source>
   <translation>处理尺寸（像素）</translation>
  </message>
  <message>
   <source>A longer image is reduced to this long side first; the rim is drawn at full size again</source>
   <translation>更长的图像先缩小到此长边；边缘再按原尺寸重画</translation>
  </message>
  <message>
   <source>Times the mean</source>
   <translation>平均值的倍数</translation>
  </message>
  <message>
   <source>So much above the mean is salient</source>
   <translation>高出平均值这么多倍即为显著</translation>
  </message>
  <message>
   <source>Threshold</source>
   <translation>阈值</translation>
  </message>
  <message>
   <source>Of the largest saliency, 0 to 1; 0 finds it by Otsu</source>
   <translation>相对于最大显著度，0 到 1；0 表示用 Otsu 求得</translation>
  </message>
  <message>
   <source>How many classes lie between near and far</source>
   <translation>由近到远分为多少类</translation>
  </message>
  <message>
   <source>Depth map</source>
   <translation>深度图</translation>
  </message>
  <message>
   <source>A file, or a folder of files named as the images</source>
   <translation>一个文件，或文件名与图像相同的文件夹</translation>
  </message>
  <message>
   <source>Values are</source>
   <translation>数值为</translation>
  </message>
  <message>
   <source>Depth grows with distance, disparity shrinks; auto goes by the file's name</source>
   <translation>深度随距离增大，视差随距离减小；自动则按文件名判断</translation>
  </message>
  <message>
   <source>depth</source>
   <translation>深度</translation>
  </message>
  <message>
   <source>disparity</source>
   <translation>视差</translation>
  </message>
  <message>
   <source>Split by</source>
   <translation>分层依据</translation>
  </message>
  <message>
   <source>Where one layer ends: at gaps of the depths, at even steps, or so that layers are of one area</source>
   <translation>各层的分界：在深度的间断处、按等间隔，或使各层面积相等</translation>
  </message>
  <message>
   <source>otsu</source>
   <translation>Otsu</translation>
  </message>
  <message>
   <source>even</source>
   <translation>等间隔</translation>
  </message>
  <message>
   <source>quantile</source>
   <translation>分位数</translation>
  </message>
  <message>
   <source>Pieces</source>
   <translation>小块</translation>
  </message>
  <message>
   <source>Merge small pieces into layers, or make objects of what lies together in the image and in depth (DBSCAN)</source>
   <translation>把小块并入各层，或把图像和深度上相邻的部分合成对象（DBSCAN）</translation>
  </message>
  <message>
   <source>merge</source>
   <translation>合并</translation>
  </message>
  <message>
   <source>Right image</source>
   <translation>右图</translation>
  </message>
  <message>
   <source>Largest shift (px)</source>
   <translation>最大位移（像素）</translation>
  </message>
  <message>
   <source>Of the nearest thing, in pixels of the image; 0 takes an eighth of the width</source>
   <translation>最近物体的位移（图像像素）；0 取宽度的八分之一</translation>
  </message>
  <message>
   <source>Colour θβ</source>
   <translation>颜色 θβ</translation>
  </message>
  <message>
   <source>How unlike two pixels may be and still belong together, in steps of 0–255: smaller follows fainter edges</source>
   <translation>两个像素相差多少仍算同属一处（0–255 级）：越小越能跟随微弱的边缘</translation>
  </message>
  <message>
   <source>Distance θα (px)</source>
   <translation>距离 θα（像素）</translation>
  </message>
  <message>
   <source>How far apart pixels of like colour still support each other</source>
   <translation>颜色相近的像素相隔多远仍互相支持</translation>
  </message>
  <message>
   <source>Colour weight</source>
   <translation>颜色权重</translation>
  </message>
  <message>
   <source>How much pixels of like colour nearby count</source>
   <translation>附近颜色相近的像素占多大分量</translation>
  </message>
  <message>
   <source>Smoothing θγ (px)</source>
   <translation>平滑 θγ（像素）</translation>
  </message>
  <message>
   <source>How far neighbours support each other whatever their colour: larger wipes out larger specks</source>
   <translation>不论颜色，邻近像素在多远范围内互相支持：越大，清除的斑点越大</translation>
  </message>
  <message>
   <source>Smoothing weight</source>
   <translation>平滑权重</translation>
  </message>
  <message>
   <source>How much the neighbours count</source>
   <translation>邻近像素占多大分量</translation>
  </message>
  <message>
   <source>Iterations</source>
   <translation>迭代次数</translation>
  </message>
  <message>
   <source>More settles further, and takes longer</source>
   <translation>次数越多越稳定，也越费时</translation>
  </message>
  <message>
   <source>Trust (0–1)</source>
   <translation>信任度（0–1）</translation>
  </message>
  <message>
   <source>The most that a pixel of the proposal is trusted: lower lets the image change more</source>
   <translation>对预测中像素的最高信任：越低，图像改变得越多</translation>
  </message>
  <message>
   <source>How unlike two pixels may be and still listen to each other, in steps of 0–255</source>
   <translation>两个像素相差多少仍互相参照（0–255 级）</translation>
  </message>
  <message>
   <source>Distance θ (px)</source>
   <translation>距离 θ（像素）</translation>
  </message>
  <message>
   <source>How near pixels that listen to each other lie</source>
   <translation>互相参照的像素相距多近</translation>
  </message>
  <message>
   <source>Context weight</source>
   <translation>上下文权重</translation>
  </message>
  <message>
   <source>What it costs to stand among pixels of another class</source>
   <translation>处在另一类像素之间的代价</translation>
  </message>
  <message>
   <source>More settles further; the paper takes one</source>
   <translation>次数越多越稳定；论文用一次</translation>
  </message>
  <message>
   <source>Views</source>
   <translation>视角</translation>
  </message>
  <message>
   <source>2, 4 or 8 average the answers to mirrored and turned copies: so many times slower, a little better</source>
   <translation>2、4 或 8 会把镜像与旋转副本的结果取平均：耗时成倍增加，结果略好</translation>
  </message>
  <message>
   <source>Sizes</source>
   <translation>尺寸</translation>
  </message>
  <message>
   <source>3 or 5 average the answers at three quarters, or half, up to one and a half of the size: so many times slower</source>
   <translation>3 或 5 会把四分之三（或一半）到一倍半尺寸下的结果取平均：耗时相应增加</translation>
  </message>
  <message>
   <source>Width</source>
   <translation>宽度</translation>
  </message>
  <message>
   <source>Channels of the first level; each level below has twice as many</source>
   <translation>第一层的通道数；往下每层加倍</translation>
  </message>
  <message>
   <source>Decoder</source>
   <translation>解码器</translation>
  </message>
  <message>
   <source>Slim has half the channels of standard, wide twice as many</source>
   <translation>窄版通道数为标准的一半，宽版为两倍</translation>
  </message>
  <message>
   <source>slim</source>
   <translation>窄</translation>
  </message>
  <message>
   <source>standard</source>
   <translation>标准</translation>
  </message>
  <message>
   <source>wide</source>
   <translation>宽</translation>
  </message>
  <message>
   <source>Depth</source>
   <translation>深度</translation>
  </message>
  <message>
   <source>Less than 4 prunes the network: quicker and coarser</source>
   <translation>小于 4 会裁剪网络：更快但更粗</translation>
  </message>
  <message>
   <source>Classes guided</source>
   <translation>类别引导</translation>
  </message>
  <message>
   <source>The classification-guided module weighs down classes that are not in the picture</source>
   <translation>分类引导模块会压低图中不存在的类别</translation>
  </message>
  <message>
   <source>Side branches</source>
   <translation>侧分支</translation>
  </message>
  <message>
   <source>Finer features join before the scores</source>
   <translation>更细的特征在打分前并入</translation>
  </message>
  <message>
   <source>Three scales</source>
   <translation>三种尺度</translation>
  </message>
  <message>
   <source>The picture goes through at 1, ¾ and ½ of its size; off is three times quicker</source>
   <translation>图像以 1、¾、½ 大小各过一遍；关闭则快三倍</translation>
  </message>
  <message>
   <source>Output stride</source>
   <translation>输出步幅</translation>
  </message>
  <message>
   <source>8 keeps twice the detail of 16 and needs about four times the time and memory</source>
   <translation>8 保留的细节是 16 的两倍，时间和内存约为四倍</translation>
  </message>
  <message>
   <source>16</source>
   <translation>16</translation>
  </message>
  <message>
   <source>8</source>
   <translation>8</translation>
  </message>
  <message>
   <source>Cascaded</source>
   <translation>级联</translation>
  </message>
  <message>
   <source>Atrous blocks one after another in place of ASPP</source>
   <translation>用依次相接的空洞块代替 ASPP</translation>
  </message>
  <message>
   <source>Pixels a picture</source>
   <translation>每图像素数</translation>
  </message>
  <message>
   <source>Pixels of each picture that a training step looks at</source>
   <translation>每个训练步在每幅图中查看的像素数</translation>
  </message>
  <message>
   <source>Of the perceptron; the paper has 4096</source>
   <translation>感知机的宽度；论文中为 4096</translation>
  </message>
  <message>
   <source>Sharp borders from few images; the first choice for microscopy and medicine. With a pretrained encoder it needs even fewer labels.</source>
   <translation>用少量图像即可得到清晰边界；显微与医学图像的首选。配合预训练编码器所需标注更少。</translation>
  </message>
  <message>
   <source>A U-Net whose skips are refined step by step; can be pruned after training where speed counts more than the last percent.</source>
   <translation>跳跃连接逐步细化的 U-Net；若速度比最后一个百分点更重要，可在训练后裁剪。</translation>
  </message>
  <message>
   <source>Every scale sees every other; for organs and cells of very different sizes in one picture. Heavy at full width.</source>
   <translation>每个尺度都能看到其他尺度；适合同一图中大小悬殊的器官与细胞。全宽时较重。</translation>
  </message>
  <message>
   <source>The first network of its kind, coarse; as a baseline to compare with.</source>
   <translation>同类中的第一个网络，较粗；可作比较基线。</translation>
  </message>
  <message>
   <source>FCN with one skip; as a baseline to compare with.</source>
   <translation>带一个跳跃连接的 FCN；可作比较基线。</translation>
  </message>
  <message>
   <source>FCN with two skips, the classic baseline; 134 million parameters want a GPU.</source>
   <translation>带两个跳跃连接的 FCN，经典基线；1.34 亿参数需要 GPU。</translation>
  </message>
  <message>
   <source>Keeps borders by remembering where maxima were; made for street scenes.</source>
   <translation>记住最大值的位置以保持边界；为街景而设计。</translation>
  </message>
  <message>
   <source>SegNet's heavy sister with a fully connected waist; for comparisons.</source>
   <translation>SegNet 的重型姊妹，中间为全连接层；用于比较。</translation>
  </message>
  <message>
   <source>VGG16 with holes and a large field of view; meant to be refined by a CRF.</source>
   <translation>带空洞和大视野的 VGG16；宜再用 CRF 细化。</translation>
  </message>
  <message>
   <source>Looks at objects at several scales at once; slow, as the picture goes through three times.</source>
   <translation>同时在多个尺度上观察物体；图像要过三遍，因此较慢。</translation>
  </message>
  <message>
   <source>Strong on large objects and regions with wide context; borders are coarser than U-Net's.</source>
   <translation>擅长上下文宽广的大物体和区域；边界比 U-Net 粗。</translation>
  </message>
  <message>
   <source>DeepLab v3 with sharper borders; the all-round choice for photographs, aerial and satellite images.</source>
   <translation>边界更清晰的 DeepLab v3；照片、航拍与卫星图像的通用之选。</translation>
  </message>
  <message>
   <source>Weighs in what the whole scene is; for indoor, street and land-cover scenes of many classes.</source>
   <translation>考虑整个场景；适合类别众多的室内、街景与土地覆盖。</translation>
  </message>
  <message>
   <source>Refines coarse meaning by fine features block by block; high resolution, much memory.</source>
   <translation>用细特征逐块细化粗语义；分辨率高，内存占用大。</translation>
  </message>
  <message>
   <source>Keeps full detail all the way through; for thin and small things: vessels, poles, roads.</source>
   <translation>自始至终保留全部细节；适合细小目标：血管、杆、道路。</translation>
  </message>
  <message>
   <source>HRNet or ResNet that looks at each pixel's object; among the best on street scenes.</source>
   <translation>关注每个像素所属物体的 HRNet 或 ResNet；街景上名列前茅。</translation>
  </message>
  <message>
   <source>A third of a million parameters: trains and proposes quickly even without a GPU.</source>
   <translation>三十多万参数：即使没有 GPU 也能快速训练和预测。</translation>
  </message>
  <message>
   <source>Quick on large pictures, with a path of its own for detail.</source>
   <translation>处理大图很快，有专门的细节通路。</translation>
  </message>
  <message>
   <source>A feature pyramid over any encoder, ConvNeXt among them; strong with much data and many classes.</source>
   <translation>可接任意编码器（包括 ConvNeXt）的特征金字塔；数据多、类别多时很强。</translation>
  </message>
  <message>
   <source>Learns from single sampled pixels, so that sparse labels do; slow to propose.</source>
   <translation>从抽样的单个像素学习，稀疏标注即可；预测较慢。</translation>
  </message>
  <message>
   <source>PSPNet's quality at a third of the memory, as nothing is dilated.</source>
   <translation>达到 PSPNet 的质量而内存只需三分之一，因为不用空洞卷积。</translation>
  </message>
  <message>
   <source>A residual U-Net made for volumes: give it a patch depth, and it learns from blocks of planes.</source>
   <translation>为体数据设计的残差 U-Net：设置图块深度后，它从成块的平面中学习。</translation>
  </message>
  <message>
   <source>Fully connected CRF</source>
   <translation>全连接 CRF</translation>
  </message>
  <message>
   <source>Moves the borders of a proposal onto the edges of the image and removes specks; every pixel supports those of like colour around it. Choose it first, for photographs and colour images with clear edges; small things want a small distance. P. Krähenbühl and V. Koltun 2011, arXiv:1210.5644.</source>
   <translation>把预测的边界移到图像边缘上并去除斑点；每个像素都支持周围颜色相近的像素。首选它来处理照片和边缘清晰的彩色图像；细小目标宜用较小的距离。P. Krähenbühl 与 V. Koltun 2011，arXiv:1210.5644。</translation>
  </message>
  <message>
   <source>CRF as RNN</source>
   <translation>CRF-as-RNN</translation>
  </message>
  <message>
   <source>The same CRF as layers whose weights are learnt: choose it as the last layers when you train a network (`train --refine crfrnn`). Applied to a proposal, where nothing was learnt, it does what the CRF does. S. Zheng et al. 2015, arXiv:1502.03240.</source>
   <translation>同样的 CRF，但作为可学习权重的层：训练网络时选它作最后几层（`train --refine crfrnn`）。直接用于预测时什么都没学过，效果与 CRF 相同。S. Zheng 等 2015，arXiv:1502.03240。</translation>
  </message>
  <message>
   <source>MRF (Deep Parsing Network)</source>
   <translation>MRF（Deep Parsing Network）</translation>
  </message>
  <message>
   <source>One step of a Markov random field with local filters that follow the colours and patterns of classes that stand beside each other. More careful than the CRF: choose it where that takes too much away, and as layers trained with a network (`train --refine mrf`). Z. Liu et al. 2015, arXiv:1509.02634, and 2016, arXiv:1606.07230.</source>
   <translation>马尔可夫随机场的一步，局部滤波跟随颜色以及相邻类别的模式。比 CRF 谨慎：CRF 抹掉太多时选它，也可作为与网络一同训练的层（`train --refine mrf`）。Z. Liu 等 2015，arXiv:1509.02634；2016，arXiv:1606.07230。</translation>
  </message>
  <message>
   <source>The first to try when a few dozen labelled images are all there is: its borders are sharp, it learns quickly and seldom goes wrong. Choose it for cells, organs, materials and anything else with clear outlines. With a pretrained encoder it needs fewer labels still; without one it is the network of the paper, heavier and for images unlike photographs.</source>
   <translation>手头只有几十幅已标注图像时首先试它：边界清晰，学得快，很少出错。适合细胞、器官、材料及其他轮廓分明的目标。配合预训练编码器所需标注更少；不配合则是论文中的网络，较重，适合与照片差别很大的图像。</translation>
  </message>
  <message>
   <source>A U-Net that joins fine and coarse features in several small steps. Choose it where a U-Net just misses thin or blurred borders and you can spend somewhat more memory in training. After training it can be cut to a smaller depth that proposes faster.</source>
   <translation>用几个小步骤把细特征与粗特征接起来的 U-Net。当 U-Net 恰好漏掉细小或模糊的边界，而训练时能多用些内存时选它。训练后可裁到较小的深度，预测更快。</translation>
  </message>
  <message>
   <source>Each level of its decoder sees all levels of the encoder, so large and small things of one class are found alike: organs in a scan, cells of all ages. It computes many times as much as a U-Net; take it when that is too weak and a graphics card is at hand.</source>
   <translation>解码器的每一层都能看到编码器的所有层，因此同类的大小目标都能找到：扫描中的器官、各个阶段的细胞。计算量是 U-Net 的许多倍；U-Net 太弱且有显卡时选它。</translation>
  </message>
  <message>
   <source>The first fully convolutional network, with one coarse answer for each 32 pixels. Choose it as the baseline that others are compared with. For work, fcn8s has as many weights and finer borders.</source>
   <translation>第一个全卷积网络，每 32 像素给出一个粗略答案。作为比较的基线。实际工作时 fcn8s 权重相同而边界更细。</translation>
  </message>
  <message>
   <source>FCN with one skip from a finer layer, between fcn32s and fcn8s in detail. Choose it to retrace the paper or to see what each skip brings; for work take a U-Net or DeepLab v3+.</source>
   <translation>从更细一层引入一个跳跃连接的 FCN，细节介于 fcn32s 与 fcn8s 之间。用于重现论文或观察每个跳跃的作用；实际工作请用 U-Net 或 DeepLab v3+。</translation>
  </message>
  <message>
   <source>The classic baseline: VGG-16 and two skips. Choose it to compare with published figures. Its 134 million parameters need half a gigabyte for the weights alone, and training wants a graphics card.</source>
   <translation>经典基线：VGG-16 加两个跳跃连接。用于与已发表的数字比较。1.34 亿参数仅权重就需半个 GB，训练需要显卡。</translation>
  </message>
  <message>
   <source>Remembers where each maximum lay and puts it back there, so outlines stay in place although the decoder is light. Made for street scenes of a dozen classes. Take the version with batch norm; a U-Net is usually as good with fewer labels.</source>
   <translation>记住每个最大值的位置并放回原处，因此解码器虽轻，轮廓仍保持原位。为十来个类别的街景而设计。请用带批归一化的版本；标注较少时 U-Net 通常同样好。</translation>
  </message>
  <message>
   <source>A mirror image of VGG-16 with a fully connected waist, the largest network here. Choose it to compare with its paper. It needs many labels and much memory, and SegNet does much the same at an eighth of the weights.</source>
   <translation>VGG-16 的镜像，中间为全连接层，是这里最大的网络。用于与其论文比较。需要大量标注和内存，而 SegNet 用八分之一的权重就能做到差不多。</translation>
  </message>
  <message>
   <source>VGG-16 with dilated convolutions and a wide field of view. Its answer is smooth and coarse, and meant to be refined by the fully connected CRF. Choose it for that pair, or as a baseline before ResNets.</source>
   <translation>带空洞卷积和宽视野的 VGG-16。答案平滑而粗，宜再用全连接 CRF 细化。为这一组合而选，或作为 ResNet 之前的基线。</translation>
  </message>
  <message>
   <source>Sees the image at three sizes and keeps the strongest answer, for objects that appear at very different scales. Three passes make it slow. DeepLab v3 or v3+ is nearly always the better bargain.</source>
   <translation>以三种大小观察图像并取最强的答案，适合尺度悬殊的物体。三遍计算使它处理照片最慢。DeepLab v3 或 v3+ 几乎总是更划算。</translation>
  </message>
  <message>
   <source>Looks at wide surroundings at several rates before it decides, for large regions whose meaning depends on context: land cover, sky and road, tissue. Borders are found at an eighth or sixteenth of the resolution; where they count take v3+.</source>
   <translation>在决定之前以多种空洞率查看宽广的周围，适合含义取决于上下文的大区域：土地覆盖、天空与道路、组织。边界在八分之一或十六分之一分辨率上得到；边界重要时用 v3+。</translation>
  </message>
  <message>
   <source>The all-round choice for photographs, aerial and satellite images: the context of DeepLab v3, and borders sharpened by an early layer. Light with a MobileNet or EfficientNet-Lite0, strong with a ResNet. When a U-Net confuses classes, try this next.</source>
   <translation>照片、航拍与卫星图像的通用之选：DeepLab v3 的上下文，加上由浅层锐化的边界。配 MobileNet 或 EfficientNet-Lite0 很轻，配 ResNet 很强。U-Net 混淆类别时，下一个就试它。</translation>
  </message>
  <message>
   <source>Averages the whole scene in four grids and lets each pixel know it, so a boat is not taken for a car on water. Choose it for indoor, street and land-cover scenes with many classes. As its last stages are dilated it wants a graphics card.</source>
   <translation>用四种网格对整个场景取平均并告知每个像素，因此不会把船当成水上的汽车。适合类别众多的室内、街景与土地覆盖。最后几级带空洞，需要显卡。</translation>
  </message>
  <message>
   <source>Brings coarse meaning back to full detail in four careful steps. Choose it for detailed scenes, people's parts or indoor views, when memory is no worry; it is among the heaviest with small encoders too.</source>
   <translation>用四个细致的步骤把粗语义恢复到完整细节。在内存不成问题时用于细节丰富的场景、人体部位或室内；即使配小编码器也属于最重的一类。</translation>
  </message>
  <message>
   <source>Never gives up its fine resolution, so thin and small things survive: vessels, cracks, poles, roads from above. The W18 fits a small card; W48 is among the strongest here. It starts slowly without ImageNet weights.</source>
   <translation>始终不放弃高分辨率，因此细小目标得以保留：血管、裂缝、杆、俯视的道路。W18 可放进小显卡；W48 是这里最强者之一。没有 ImageNet 权重时起步较慢。</translation>
  </message>
  <message>
   <source>First finds the region of each class roughly, then compares every pixel with those regions. Choose it for street scenes and many classes with much data, when the last percents count. Its head adds two to three times the encoder's work.</source>
   <translation>先粗略找出每个类别的区域，再把每个像素与这些区域比较。数据多、类别多、最后几个百分点也重要的街景选它。开销约为其编码器的三倍。</translation>
  </message>
  <message>
   <source>A third of a million parameters and two billion operations: trains on a processor too, and proposes quickly everywhere. Choose it for video, small computers, or a first look; fine borders and rare classes are its weak side.</source>
   <translation>三十多万参数、二十亿次运算：在处理器上也能训练，预测处处都快。用于视频、小型电脑或初步查看；细边界和稀有类别是它的弱项。</translation>
  </message>
  <message>
   <source>One short path keeps detail, one deep path sees context, and they meet at the end. Choose it for large pictures and quick answers when ENet is too weak. ResNet-18, as in the paper, is a good encoder for it.</source>
   <translation>一条短通路保留细节，一条深通路看上下文，最后会合。ENet 太弱而又要快速处理大图时选它。论文所用的 ResNet-18 就是合适的编码器。</translation>
  </message>
  <message>
   <source>A feature pyramid and pooled context over any encoder; with a ConvNeXt it is the most modern network here. Choose it for much data and many classes. With a handful of images the lighter U-Net and DeepLab v3+ overfit less.</source>
   <translation>可接任意编码器的特征金字塔与池化上下文；配 ConvNeXt 是这里最现代的网络。数据多、类别多时选它。只有少量图像时，较轻的 U-Net 和 DeepLab v3+ 更不易过拟合。</translation>
  </message>
  <message>
   <source>Learns from a few thousand sampled pixels of each image, so that scattered strokes or points are labels enough and memory in training stays small. Proposing is very slow, since every pixel passes a large perceptron.</source>
   <translation>从每幅图抽样的几千个像素学习，因此零散的笔画或点就足够作标注，训练内存也小。预测很慢，因为每个像素都要经过一个大感知机。</translation>
  </message>
  <message>
   <source>Joins the last three stages by joint pyramid upsampling in place of dilating them: nearly PSPNet's quality with less memory and time. Choose it for many classes in large images, and with encoders that have no dilated version (DenseNet, VGG).</source>
   <translation>用联合金字塔上采样连接最后三级，代替空洞卷积：以更少的内存和时间达到接近 PSPNet 的质量。用于大图中的众多类别，以及没有空洞版本的编码器（DenseNet、VGG）。</translation>
  </message>
  <message>
   <source>Residual blocks of wide 5×5×5 windows, made for CT and MR with the Dice loss. With a patch depth it learns from blocks of planes; without one each plane is a picture. Choose it for volumes whose planes say little alone, and much time to learn from scratch; a U-Net with a pretrained encoder that sees neighbouring planes wants less.</source>
   <translation>由 5×5×5 大窗口组成的残差块，配合 Dice 损失，为 CT 和 MR 设计。设置图块深度时从成块的平面中学习；不设置时每个平面就是一幅图像。适合单个平面信息不足的体数据，并需要较长时间从零学习；能看到相邻平面、带预训练编码器的 U-Net 要求更低。</translation>
  </message>
  <message>
   <source>The default: its ImageNet weights come with the installation, it is light on any computer, and dilated versions exist. Change it when labels are plenty and the answer is still too weak.</source>
   <translation>默认选择：ImageNet 权重随安装附带，在任何电脑上都轻，也有空洞版本。标注充足而答案仍太弱时再换。</translation>
  </message>
  <message>
   <source>The first deep one: quick, coarse and of historical interest. For comparisons with early papers.</source>
   <translation>第一个深度网络：快、粗，具有历史意义。用于与早期论文比较。</translation>
  </message>
  <message>
   <source>Plain stacks of 3×3 convolutions, 8 layers deep. Exact in texture, heavy for what they know; the lightest of them.</source>
   <translation>由 3×3 卷积平铺而成，共 8 层。对纹理精确，就其所知而言偏重；其中最轻。</translation>
  </message>
  <message>
   <source>Plain stacks of 3×3 convolutions, 8 layers deep. Exact in texture, heavy for what they know; the lightest of them, and batch norm trains more safely.</source>
   <translation>由 3×3 卷积平铺而成，共 8 层。对纹理精确，就其所知而言偏重；其中最轻，批归一化使训练更稳。</translation>
  </message>
  <message>
   <source>Plain stacks of 3×3 convolutions, 10 layers deep. Exact in texture, heavy for what they know; seldom the best choice.</source>
   <translation>由 3×3 卷积平铺而成，共 10 层。对纹理精确，就其所知而言偏重；很少是最佳选择。</translation>
  </message>
  <message>
   <source>Plain stacks of 3×3 convolutions, 10 layers deep. Exact in texture, heavy for what they know; batch norm trains more safely.</source>
   <translation>由 3×3 卷积平铺而成，共 10 层。对纹理精确，就其所知而言偏重；批归一化使训练更稳。</translation>
  </message>
  <message>
   <source>Plain stacks of 3×3 convolutions, 13 layers deep. Exact in texture, heavy for what they know; what FCN, DeepLab v1 and PixelNet were made on.</source>
   <translation>由 3×3 卷积平铺而成，共 13 层。对纹理精确，就其所知而言偏重；FCN、DeepLab v1 和 PixelNet 即以它为基础。</translation>
  </message>
  <message>
   <source>Plain stacks of 3×3 convolutions, 13 layers deep. Exact in texture, heavy for what they know; batch norm trains more safely from scratch, as SegNet and DeconvNet do.</source>
   <translation>由 3×3 卷积平铺而成，共 13 层。对纹理精确，就其所知而言偏重；批归一化使从零训练更稳，SegNet 与 DeconvNet 即如此。</translation>
  </message>
  <message>
   <source>Plain stacks of 3×3 convolutions, 16 layers deep. Exact in texture, heavy for what they know; VGG-16 is as good in most cases.</source>
   <translation>由 3×3 卷积平铺而成，共 16 层。对纹理精确，就其所知而言偏重；多数情况下 VGG-16 同样好。</translation>
  </message>
  <message>
   <source>Plain stacks of 3×3 convolutions, 16 layers deep. Exact in texture, heavy for what they know; VGG-16 with batch norm is as good in most cases.</source>
   <translation>由 3×3 卷积平铺而成，共 16 层。对纹理精确，就其所知而言偏重；多数情况下带批归一化的 VGG-16 同样好。</translation>
  </message>
  <message>
   <source>The light one, a safe choice for small data and quick networks. Residual blocks are the common ground of most papers, with a dilated version for DeepLab and PSPNet.</source>
   <translation>轻量之选，适合小数据和快速网络。残差块是多数论文的共同基础，有供 DeepLab 和 PSPNet 使用的空洞版本。</translation>
  </message>
  <message>
   <source>A step up from ResNet-18 at twice its cost. Residual blocks are the common ground of most papers, with a dilated version for DeepLab and PSPNet.</source>
   <translation>比 ResNet-18 进一步，开销为其两倍。残差块是多数论文的共同基础，有供 DeepLab 和 PSPNet 使用的空洞版本。</translation>
  </message>
  <message>
   <source>The usual middle: strong enough for most data, well known to every network. Residual blocks are the common ground of most papers, with a dilated version for DeepLab and PSPNet.</source>
   <translation>常用的中间档：对多数数据足够强，各网络都熟悉它。残差块是多数论文的共同基础，有供 DeepLab 和 PSPNet 使用的空洞版本。</translation>
  </message>
  <message>
   <source>For large data sets and many classes; what DeepLab v2 and PSPNet published with. Residual blocks are the common ground of most papers, with a dilated version for DeepLab and PSPNet.</source>
   <translation>用于大数据集和众多类别；DeepLab v2 和 PSPNet 发表时所用。残差块是多数论文的共同基础，有供 DeepLab 和 PSPNet 使用的空洞版本。</translation>
  </message>
  <message>
   <source>The largest; gains little over ResNet-101 for half as much work again. Residual blocks are the common ground of most papers, with a dilated version for DeepLab and PSPNet.</source>
   <translation>最大；比 ResNet-101 提升很小，却多一半计算。残差块是多数论文的共同基础，有供 DeepLab 和 PSPNet 使用的空洞版本。</translation>
  </message>
  <message>
   <source>Looks with windows of several shapes side by side. Its features lie at odd sizes and are resampled; take a ResNet-50 unless you compare.</source>
   <translation>用多种形状的窗口并排观察。特征位于不规则的大小上，需重采样；除非为了比较，请用 ResNet-50。</translation>
  </message>
  <message>
   <source>Each layer sees all before it: few parameters, much memory in training. Popular for medical images with few labels.</source>
   <translation>每层都能看到之前的所有层：参数少，训练内存大。在标注少的医学图像上很受欢迎。</translation>
  </message>
  <message>
   <source>Each layer sees all before it: few parameters, much memory in training. A deeper DenseNet-121, when that is nearly enough.</source>
   <translation>每层都能看到之前的所有层：参数少，训练内存大。更深的 DenseNet-121，在其差一点时使用。</translation>
  </message>
  <message>
   <source>Each layer sees all before it: few parameters, much memory in training. The deepest, for a graphics card.</source>
   <translation>每层都能看到之前的所有层：参数少，训练内存大。最深，需要显卡。</translation>
  </message>
  <message>
   <source>Made for telephones: small, quick on a processor, with a dilated version. Good company for DeepLab v3+ and BiSeNet.</source>
   <translation>为手机设计：小，在处理器上快，有空洞版本。与 DeepLab v3+ 和 BiSeNet 很搭。</translation>
  </message>
  <message>
   <source>The least work of all encoders; for video and weak computers, when a coarse answer will do.</source>
   <translation>所有编码器中计算量最小；用于视频和弱电脑，且粗略答案即可时。</translation>
  </message>
  <message>
   <source>Quick on a processor and a little stronger than MobileNetV2; torchvision's light models use it.</source>
   <translation>在处理器上快，比 MobileNetV2 略强；torchvision 的轻模型都用它。</translation>
  </message>
  <message>
   <source>Scaled up evenly in depth, width and detail. The small one; Lite0 is its quicker sister with weights at hand. Slow for its operations on a processor.</source>
   <translation>在深度、宽度和细节上均匀放大。最小的一款；Lite0 是它更快的姊妹，权重就在手边。就其运算量而言在处理器上偏慢。</translation>
  </message>
  <message>
   <source>Scaled up evenly in depth, width and detail. A little more than B0. Slow for its operations on a processor.</source>
   <translation>在深度、宽度和细节上均匀放大。比 B0 略多一点。就其运算量而言在处理器上偏慢。</translation>
  </message>
  <message>
   <source>Scaled up evenly in depth, width and detail. A fair middle between ResNet-18's cost and ResNet-50's strength. Slow for its operations on a processor.</source>
   <translation>在深度、宽度和细节上均匀放大。在 ResNet-18 的开销与 ResNet-50 的能力之间取中。就其运算量而言在处理器上偏慢。</translation>
  </message>
  <message>
   <source>Scaled up evenly in depth, width and detail. Often chosen for aerial images and competitions with a U-Net. Slow for its operations on a processor.</source>
   <translation>在深度、宽度和细节上均匀放大。常与 U-Net 配合用于航拍图像和竞赛。就其运算量而言在处理器上偏慢。</translation>
  </message>
  <message>
   <source>Scaled up evenly in depth, width and detail. The strongest here; wants a graphics card with memory. Slow for its operations on a processor.</source>
   <translation>在深度、宽度和细节上均匀放大。这里最强的一款；需要大内存显卡。就其运算量而言在处理器上偏慢。</translation>
  </message>
  <message>
   <source>Parallel resolutions, for the networks hrnet and ocrnet first of all. The narrow one, 10 million parameters.</source>
   <translation>并行的多种分辨率，首先用于 hrnet 和 ocrnet 网络。较窄的一款，1000 万参数。</translation>
  </message>
  <message>
   <source>Parallel resolutions, for the networks hrnet and ocrnet first of all. The middle width.</source>
   <translation>并行的多种分辨率，首先用于 hrnet 和 ocrnet 网络。中等宽度。</translation>
  </message>
  <message>
   <source>Parallel resolutions, for the networks hrnet and ocrnet first of all. The width of published street-scene results; wants a large card.</source>
   <translation>并行的多种分辨率，首先用于 hrnet 和 ocrnet 网络。已发表街景结果所用的宽度；需要大显卡。</translation>
  </message>
  <message>
   <source>Separable convolutions throughout, the body that DeepLab v3+ was published with. Heavy; for photographs with many labels.</source>
   <translation>通体可分离卷积，DeepLab v3+ 发表时所用的主体。较重；适合标注众多的照片。</translation>
  </message>
  <message>
   <source>A convolutional network with the recipes of transformers, the strongest ImageNet features here. About the size of a ResNet-50, and usually better at it.</source>
   <translation>采用 Transformer 诀窍的卷积网络，这里最强的 ImageNet 特征。大小约如 ResNet-50，通常比它更好。</translation>
  </message>
  <message>
   <source>A convolutional network with the recipes of transformers, the strongest ImageNet features here. Twice as deep as tiny.</source>
   <translation>采用 Transformer 诀窍的卷积网络，这里最强的 ImageNet 特征。深度为 tiny 的两倍。</translation>
  </message>
  <message>
   <source>A convolutional network with the recipes of transformers, the strongest ImageNet features here. The widest; for much data and a large card.</source>
   <translation>采用 Transformer 诀窍的卷积网络，这里最强的 ImageNet 特征。最宽；用于大量数据和大显卡。</translation>
  </message>
  <message>
   <source>Knows the 20 everyday classes of PASCAL VOC (people, animals, vehicles, furniture) in photographs without any training. The quickest and smallest; for a first look and for processors.</source>
   <translation>无需任何训练即认识 PASCAL VOC 的 20 个日常类别（人、动物、车辆、家具），用于照片。最快最小；用于初步查看和处理器。</translation>
  </message>
  <message>
   <source>Knows the 20 everyday classes of PASCAL VOC (people, animals, vehicles, furniture) in photographs without any training. Light, with better borders than LR-ASPP: the one to begin with.</source>
   <translation>无需任何训练即认识 PASCAL VOC 的 20 个日常类别（人、动物、车辆、家具），用于照片。轻，边界比 LR-ASPP 好：从它开始。</translation>
  </message>
  <message>
   <source>Knows the 20 everyday classes of PASCAL VOC (people, animals, vehicles, furniture) in photographs without any training. Clearly more exact, at some seventeen times the work.</source>
   <translation>无需任何训练即认识 PASCAL VOC 的 20 个日常类别（人、动物、车辆、家具），用于照片。明显更精确，计算量为十倍。</translation>
  </message>
  <message>
   <source>Knows the 20 everyday classes of PASCAL VOC (people, animals, vehicles, furniture) in photographs without any training. The most exact of these; wants a graphics card.</source>
   <translation>无需任何训练即认识 PASCAL VOC 的 20 个日常类别（人、动物、车辆、家具），用于照片。其中最精确；需要显卡。</translation>
  </message>
  <message>
   <source>Knows the 20 everyday classes of PASCAL VOC (people, animals, vehicles, furniture) in photographs without any training. Simpler and coarser than DeepLabV3 of the same size; for comparisons.</source>
   <translation>无需任何训练即认识 PASCAL VOC 的 20 个日常类别（人、动物、车辆、家具），用于照片。比同等大小的 DeepLabV3 更简单、更粗；用于比较。</translation>
  </message>
  <message>
   <source>Knows the 20 everyday classes of PASCAL VOC (people, animals, vehicles, furniture) in photographs without any training. As fcn_resnet50 with a deeper encoder; for comparisons.</source>
   <translation>无需任何训练即认识 PASCAL VOC 的 20 个日常类别（人、动物、车辆、家具），用于照片。同 fcn_resnet50，编码器更深；用于比较。</translation>
  </message>
  <message>
   <source>Finds the 80 everyday things of COCO in photographs, each as an object of its own. Choose it when things must be counted or touch one another.</source>
   <translation>在照片中找出 COCO 的 80 种日常物体，每个都是独立的对象。需要计数或物体相互接触时选它。</translation>
  </message>
  <message>
   <source>The same 80 things as the first Mask R-CNN, found markedly better for somewhat more work. Choose this one unless you compare.</source>
   <translation>与第一版 Mask R-CNN 相同的 80 种物体，多一点计算而明显更好。除非为了比较，请选这个。</translation>
  </message>
  <message>
   <source>Nuclei in fluorescence, stained tissue and bright field, of nearly any microscope. Choose it to begin labelling cells; then train on what you corrected. Touching nuclei come out as one area: split them by Regions, Split touching objects.</source>
   <translation>荧光、染色组织和明场中的细胞核，几乎适用于任何显微镜。开始标注细胞时选它，再用您修正过的结果训练。相接的细胞核会连成一片：用“区域”中的“分割相接对象”把它们分开。</translation>
  </message>
  <message>
   <source>Dark membranes between cells in electron microscopy of brain tissue, about 4 nm a pixel. Choose it for serial sections; other tissue or staining wants a few corrected images and retraining.</source>
   <translation>脑组织电子显微图像中细胞间的深色膜，约每像素 4 nm。用于连续切片；其他组织或染色需要少量修正图像并重新训练。</translation>
  </message>
  <message>
   <source>Roads in aerial photographs of about 1 m a pixel. Trained on very few scenes, so take its proposal as a start and retrain on your own.</source>
   <translation>约每像素 1 m 的航拍照片中的道路。只用很少的场景训练，因此请把它的预测作为起点，用您自己的数据重新训练。</translation>
  </message>
  <message>
   <source>Eleven classes of street scenes seen from a car: sky, building, road, tree, car and others. Choose it for driving videos in daylight; night, rain or other cities want retraining.</source>
   <translation>从车上看到的街景的十一个类别：天空、建筑、道路、树、汽车等。用于白天的行车视频；夜间、雨天或其他城市需要重新训练。</translation>
  </message>
  <message>
   <source>Blood vessels in colour photographs of the retina. Choose it for fundus cameras of about 45°; images are brought to 1024 px first, so any resolution will do.</source>
   <translation>视网膜彩色照片中的血管。用于约 45° 的眼底相机；图像会先缩放到 1024 像素，因此任何分辨率都可以。</translation>
  </message>
  <message>
   <source>Splits by brightness where two or more groups differ most. Choose it for things plainly brighter or darker than all around them under even light; no training, at once.</source>
   <translation>在两组或多组亮度差别最大处分割。用于在均匀光照下明显比四周更亮或更暗的目标；无需训练，立即可用。</translation>
  </message>
  <message>
   <source>Compares each pixel with its own neighbourhood. Choose it for print, cracks or cells where the light is uneven and Otsu loses a corner.</source>
   <translation>把每个像素与其邻域比较。用于光照不均、Otsu 会丢掉一角的印刷品、裂缝或细胞。</translation>
  </message>
  <message>
   <source>Cuts the image into small even areas that follow edges. Choose it to label by clicking areas, or to sketch many classes quickly.</source>
   <translation>把图像切成跟随边缘的均匀小块。用于点选区域标注，或快速勾画众多类别。</translation>
  </message>
  <message>
   <source>Areas of even colour, large where nothing happens and small in detail. Choose it for scenes with broad plain surfaces; sizes vary much.</source>
   <translation>颜色均匀的区域，平淡处大、细节处小。用于有大片平坦表面的场景；大小差别很大。</translation>
  </message>
  <message>
   <source>Areas between the ridges of the gradient, from a grid of seeds. Choose it where edges are closed and clear, such as grains, tiles and foam.</source>
   <translation>从种子网格出发，取梯度山脊之间的区域。用于边缘闭合而清晰的目标，如颗粒、瓷砖和泡沫。</translation>
  </message>
  <message>
   <source>Takes strong outlines, closes and fills them. Choose it for sharp things on a plain ground: products, tools, specimens.</source>
   <translation>取出强轮廓，将其闭合并填充。用于素净背景上轮廓分明的目标：产品、工具、标本。</translation>
  </message>
  <message>
   <source>Finds what is unlike the rest of the image by its spectrum, in milliseconds and coarsely. Choose it to see where to look, not for borders.</source>
   <translation>通过频谱在几毫秒内粗略找出与图像其余部分不同之处。用来看该看哪里，不用于找边界。</translation>
  </message>
  <message>
   <source>Finds what differs from its surroundings at several scales, with finer borders than the spectral method. Choose it for single things on busy ground.</source>
   <translation>在多个尺度上找出与周围不同之处，边界比频谱法更细。用于杂乱背景上的单个目标。</translation>
  </message>
  <message>
   <source>Cuts the scene into layers from near to far by a depth or disparity map that you have. Choose it for depth cameras and photogrammetry.</source>
   <translation>按您已有的深度图或视差图把场景由近到远切成层。用于深度相机和摄影测量。</translation>
  </message>
  <message>
   <source>Works out the distance from a rectified pair of images and cuts it into layers. Choose it for stereo cameras; plain surfaces stay unknown.</source>
   <translation>从校正后的图像对计算距离并切成层。用于立体相机；平淡的表面仍未知。</translation>
  </message>
  <message>
   <source>Less than it was trained with prunes the network: quicker and coarser</source>
   <translation>小于训练时的深度会裁剪网络：更快但更粗</translation>
  </message>
  <message>
   <source>Loading the click model</source>
   <translation>正在加载点击模型</translation>
  </message>
  <message>
   <source>Looking at the picture</source>
   <translation>正在查看图像</translation>
  </message>
  <message>
   <source>Segmenting</source>
   <translation>正在分割</translation>
  </message>
  <message>
   <source>Refining</source>
   <translation>正在细化</translation>
  </message>
  <message>
   <source>boundary</source>
   <translation>边界</translation>
  </message>
  <message>
   <source>s</source>
   <translation>秒</translation>
  </message>
  <message>
   <source>min</source>
   <translation>分钟</translation>
  </message>
  <message>
   <source>h</source>
   <translation>小时</translation>
  </message>
  <message>
   <source>days</source>
   <translation>天</translation>
  </message>
  <message>
   <source>on</source>
   <translation>开</translation>
  </message>
  <message>
   <source>off</source>
   <translation>关</translation>
  </message>
  <message>
   <source>Data &amp; splits</source>
   <translation>数据与划分</translation>
  </message>
  <message>
   <source>What is held out to judge the model, and what the labels mean.</source>
   <translation>留出哪些数据来评判模型，以及标注的含义。</translation>
  </message>
  <message>
   <source>Patches &amp; augmentation</source>
   <translation>裁块与增强</translation>
  </message>
  <message>
   <source>What the network is shown at each step: where patches are cut, and how they are varied.</source>
   <translation>网络每一步看到什么：在哪里裁块，以及如何变化。</translation>
  </message>
  <message>
   <source>Loss &amp; weights</source>
   <translation>损失与权重</translation>
  </message>
  <message>
   <source>What counts as a mistake, and how much.</source>
   <translation>什么算错误，错得多重。</translation>
  </message>
  <message>
   <source>Optimisation</source>
   <translation>优化</translation>
  </message>
  <message>
   <source>How fast and how long it learns.</source>
   <translation>学得多快、学多久。</translation>
  </message>
  <message>
   <source>Speed &amp; precision</source>
   <translation>速度与精度</translation>
  </message>
  <message>
   <source>On what the run is computed. None of it changes what is learnt, but for rounding.</source>
   <translation>训练在什么上计算。除舍入外都不影响学到的内容。</translation>
  </message>
  <message>
   <source>Logging &amp; checkpoints</source>
   <translation>记录与检查点</translation>
  </message>
  <message>
   <source>What the run keeps, and what the model's card says.</source>
   <translation>训练保留什么，模型卡片上写什么。</translation>
  </message>
  <message>
   <source>Mean IoU</source>
   <translation>平均 IoU</translation>
  </message>
  <message>
   <source>Overlap of prediction and labels, the mean over the classes: the figure most papers give.</source>
   <translation>预测与标注的重叠，取各类别平均：多数论文给出的指标。</translation>
  </message>
  <message>
   <source>Overlap counted as in medicine: always above the IoU.</source>
   <translation>医学上常用的重叠算法：总是高于 IoU。</translation>
  </message>
  <message>
   <source>Pixels right</source>
   <translation>正确像素</translation>
  </message>
  <message>
   <source>Part of all labelled pixels that are right: large classes count most.</source>
   <translation>所有已标注像素中正确的比例：大类别影响最大。</translation>
  </message>
  <message>
   <source>Mean recall</source>
   <translation>平均召回率</translation>
  </message>
  <message>
   <source>Part of each class that is found, the mean over the classes.</source>
   <translation>每个类别被找到的比例，取各类别平均。</translation>
  </message>
  <message>
   <source>Mean precision</source>
   <translation>平均精确率</translation>
  </message>
  <message>
   <source>Part of what is called a class that is it, the mean over the classes.</source>
   <translation>被判为某类别的像素中确属该类别的比例，取各类别平均。</translation>
  </message>
  <message>
   <source>Weighted IoU</source>
   <translation>加权 IoU</translation>
  </message>
  <message>
   <source>IoU weighed by how frequent the classes are.</source>
   <translation>按类别频率加权的 IoU。</translation>
  </message>
  <message>
   <source>Boundary F1</source>
   <translation>边界 F1</translation>
  </message>
  <message>
   <source>How well the outlines lie, within the tolerance.</source>
   <translation>在容差内轮廓的吻合程度。</translation>
  </message>
  <message>
   <source>Mean AUC</source>
   <translation>平均 AUC</translation>
  </message>
  <message>
   <source>Chance that a pixel of a class is held likelier to be of it than another pixel.</source>
   <translation>某类像素被判为该类的可能性高于其他像素的概率。</translation>
  </message>
  <message>
   <source>Object F1</source>
   <translation>对象 F1</translation>
  </message>
  <message>
   <source>Labelled objects that are found at IoU 0.5, touching ones cut apart; – without objects.</source>
   <translation>以 IoU 0.5 找到的已标注对象，相连的先切开；没有对象时为 –。</translation>
  </message>
  <message>
   <source>Panoptic quality</source>
   <translation>全景质量</translation>
  </message>
  <message>
   <source>How well objects are found and outlined, the mean over the classes.</source>
   <translation>对象被找到和勾勒的好坏，各类的平均。</translation>
  </message>
  <message>
   <source>Class</source>
   <translation>类别</translation>
  </message>
  <message>
   <source>IoU</source>
   <translation>IoU</translation>
  </message>
  <message>
   <source>Recall</source>
   <translation>召回率</translation>
  </message>
  <message>
   <source>Precision</source>
   <translation>精确率</translation>
  </message>
  <message>
   <source>AUC</source>
   <translation>AUC</translation>
  </message>
  <message>
   <source>Mirrored</source>
   <translation>左右镜像</translation>
  </message>
  <message>
   <source>Part of the patches mirrored left and right</source>
   <translation>左右镜像的裁块比例</translation>
  </message>
  <message>
   <source>Upside down</source>
   <translation>上下镜像</translation>
  </message>
  <message>
   <source>Part of the patches mirrored top and bottom</source>
   <translation>上下镜像的裁块比例</translation>
  </message>
  <message>
   <source>Quarter turns</source>
   <translation>直角旋转</translation>
  </message>
  <message>
   <source>Turn by 0, 90, 180 or 270 degrees, all alike often</source>
   <translation>以相同概率旋转 0、90、180 或 270 度</translation>
  </message>
  <message>
   <source>Turned by, at most</source>
   <translation>最大旋转角</translation>
  </message>
  <message>
   <source>Degrees to either side; what turns in from outside is ignored</source>
   <translation>向两侧旋转的角度；从图像外转入的像素被忽略</translation>
  </message>
  <message>
   <source>Share turned</source>
   <translation>旋转比例</translation>
  </message>
  <message>
   <source>Part of the patches that are turned</source>
   <translation>被旋转的裁块比例</translation>
  </message>
  <message>
   <source>Share warped</source>
   <translation>变形比例</translation>
  </message>
  <message>
   <source>Part of the patches that are bent like rubber</source>
   <translation>像橡皮一样弹性变形的裁块比例</translation>
  </message>
  <message>
   <source>Warp strength</source>
   <translation>变形强度</translation>
  </message>
  <message>
   <source>Pixels that the points of a grid of 3 by 3 are moved by (U-Net: 10); 0 makes many fine waves instead</source>
   <translation>3×3 网格各点移动的像素数（U-Net：10）；0 则改为许多细小波纹</translation>
  </message>
  <message>
   <source>Other stains</source>
   <translation>其他染色</translation>
  </message>
  <message>
   <source>Part of the stained slides redrawn in other dyes (RGB)</source>
   <translation>用其他染料重绘的染色切片比例（RGB）</translation>
  </message>
  <message>
   <source>Share recoloured</source>
   <translation>变色比例</translation>
  </message>
  <message>
   <source>Part of the patches whose light and colours change</source>
   <translation>改变明暗和颜色的裁块比例</translation>
  </message>
  <message>
   <source>Brightness</source>
   <translation>亮度</translation>
  </message>
  <message>
   <source>Change by at most so much</source>
   <translation>最大变化幅度</translation>
  </message>
  <message>
   <source>Contrast</source>
   <translation>对比度</translation>
  </message>
  <message>
   <source>Saturation</source>
   <translation>饱和度</translation>
  </message>
  <message>
   <source>Change by at most so much (RGB)</source>
   <translation>最大变化幅度（RGB）</translation>
  </message>
  <message>
   <source>Hue</source>
   <translation>色相</translation>
  </message>
  <message>
   <source>Change by at most so much; 0.5 is all colours (RGB)</source>
   <translation>最大变化幅度；0.5 即所有颜色（RGB）</translation>
  </message>
  <message>
   <source>Part of the patches without colours (RGB)</source>
   <translation>去除颜色的裁块比例（RGB）</translation>
  </message>
  <message>
   <source>Part of the patches with light and dark swapped</source>
   <translation>明暗互换的裁块比例</translation>
  </message>
  <message>
   <source>Blurred</source>
   <translation>模糊</translation>
  </message>
  <message>
   <source>Part of the patches out of focus</source>
   <translation>失焦的裁块比例</translation>
  </message>
  <message>
   <source>Blur, at most</source>
   <translation>最大模糊</translation>
  </message>
  <message>
   <source>Standard deviation of the blur in pixels</source>
   <translation>模糊的标准差（像素）</translation>
  </message>
  <message>
   <source>Noisy</source>
   <translation>噪声</translation>
  </message>
  <message>
   <source>Part of the patches with noise in every pixel and band</source>
   <translation>每个像素和波段都加噪声的裁块比例</translation>
  </message>
  <message>
   <source>Noise, at most</source>
   <translation>最大噪声</translation>
  </message>
  <message>
   <source>Standard deviation of the noise; the full range is 1</source>
   <translation>噪声的标准差；全范围为 1</translation>
  </message>
  <message>
   <source>Patches as they are: only for data that was augmented before</source>
   <translation>裁块保持原样：仅用于已增强过的数据</translation>
  </message>
  <message>
   <source>Light</source>
   <translation>轻度</translation>
  </message>
  <message>
   <source>Mirrored left and right</source>
   <translation>左右镜像</translation>
  </message>
  <message>
   <source>Standard</source>
   <translation>标准</translation>
  </message>
  <message>
   <source>Also small turns, warps, light and colour: for pictures that are always upright</source>
   <translation>另加小幅旋转、变形、明暗和颜色：用于始终正立的图像</translation>
  </message>
  <message>
   <source>Overhead</source>
   <translation>俯视</translation>
  </message>
  <message>
   <source>Also upside down and quarter turns: from the air, and sections</source>
   <translation>另加上下镜像和直角旋转：用于航拍和切片</translation>
  </message>
  <message>
   <source>Microscopy</source>
   <translation>显微</translation>
  </message>
  <message>
   <source>Any turn, other stains, grey and inverted: for slides and cells</source>
   <translation>任意旋转、其他染色、灰度和反相：用于玻片和细胞</translation>
  </message>
  <message>
   <source>Held out for validation</source>
   <translation>留作验证</translation>
  </message>
  <message>
   <source>Raise it with few images, where a small part says little; images that you put into a split yourself stay there.</source>
   <translation>图像很少时请调高，因为太小的部分说明不了问题；您自己放入某一划分的图像保持不变。</translation>
  </message>
  <message>
   <source>of the data</source>
   <translation>（占数据）</translation>
  </message>
  <message>
   <source>Hold out</source>
   <translation>留出方式</translation>
  </message>
  <message>
   <source>Choose groups when several images show the same patient or scene, blocks for few large images: else the model is judged on what it has all but seen.</source>
   <translation>多幅图像来自同一病人或场景时选择分组，大图像很少时选择分块：否则评判所用的几乎就是模型见过的内容。</translation>
  </message>
  <message>
   <source>groups of images</source>
   <translation>图像分组</translation>
  </message>
  <message>
   <source>blocks of large images</source>
   <translation>大图像的分块</translation>
  </message>
  <message>
   <source>Groups are told by</source>
   <translation>分组依据</translation>
  </message>
  <message>
   <source>Write folder when each patient or scene has its own, or a regular expression whose first bracket in the file's name is the group.</source>
   <translation>每个病人或场景有自己的文件夹时填写 folder，或填写正则表达式，文件名中第一个括号的内容即为分组。</translation>
  </message>
  <message>
   <source>Side of a block</source>
   <translation>分块边长</translation>
  </message>
  <message>
   <source>Give a size larger than the objects, so that none lies in two parts.</source>
   <translation>请填写大于对象的尺寸，使对象不会跨两部分。</translation>
  </message>
  <message>
   <source>px</source>
   <translation>px</translation>
  </message>
  <message>
   <source>chosen</source>
   <translation>自动选择</translation>
  </message>
  <message>
   <source>Cross-validation</source>
   <translation>交叉验证</translation>
  </message>
  <message>
   <source>Write 1/5, then 2/5 and so on, to train five models that are each judged on another fifth.</source>
   <translation>依次填写 1/5、2/5 等，可训练五个模型，各用另外五分之一评判。</translation>
  </message>
  <message>
   <source>Go on in spite of leaks</source>
   <translation>有泄漏也继续</translation>
  </message>
  <message>
   <source>Switch on when you know that two splits share a picture, a place or a group, and accept that scores then say little.</source>
   <translation>当您知道两个划分共有同一图像、地点或分组，并接受得分因此说明不了问题时开启。</translation>
  </message>
  <message>
   <source>Ignored pixels are</source>
   <translation>忽略的像素视为</translation>
  </message>
  <message>
   <source>Choose a class when ignored pixels are known to be one, such as the black frame around a picture; they still don't count in validation.</source>
   <translation>当忽略的像素已知属于某类别（例如图像周围的黑边）时选择；验证时它们仍不计入。</translation>
  </message>
  <message>
   <source>Change it to see how much a result depends on chance; the same seed gives the same run.</source>
   <translation>更改它可看出结果受偶然影响的程度；相同的种子得到相同的训练。</translation>
  </message>
  <message>
   <source>Make it large enough that a person could tell what is in it; smaller needs less memory.</source>
   <translation>应大到人能看出其中内容；越小占用内存越少。</translation>
  </message>
  <message>
   <source>Resample images to</source>
   <translation>图像重采样到</translation>
  </message>
  <message>
   <source>Set it when images come in very different sizes but show the same thing; proposals are then made at that size, too.</source>
   <translation>图像大小差别很大但内容相同时设置；之后的预测也按此尺寸进行。</translation>
  </message>
  <message>
   <source>px long side</source>
   <translation>px（长边）</translation>
  </message>
  <message>
   <source>as they are</source>
   <translation>保持原样</translation>
  </message>
  <message>
   <source>Patches an image and epoch</source>
   <translation>每幅图像每轮的裁块数</translation>
  </message>
  <message>
   <source>Raise it when images are large and few, so that an epoch sees more of each.</source>
   <translation>图像大而少时调高，使每一轮看到每幅图像的更多部分。</translation>
  </message>
  <message>
   <source>by area, at most 4</source>
   <translation>按面积，最多 4</translation>
  </message>
  <message>
   <source>Where patches are cut</source>
   <translation>裁块位置</translation>
  </message>
  <message>
   <source>Choose balanced when a class is so rare that most patches do not hold it.</source>
   <translation>某类别极少、多数裁块都不含它时选择均衡。</translation>
  </message>
  <message>
   <source>where there are labels</source>
   <translation>有标注处</translation>
  </message>
  <message>
   <source>each class as often</source>
   <translation>各类别次数相同</translation>
  </message>
  <message>
   <source>Planes of a patch</source>
   <translation>裁块的切面数</translation>
  </message>
  <message>
   <source>Set 16 or 32 to train V-Net on volumes, with patches of 48 to 128 px; flat networks take no volumes.</source>
   <translation>用体数据训练 V-Net 时设为 16 或 32，裁块 48 至 128 px；平面网络不接受体数据。</translation>
  </message>
  <message>
   <source>planes</source>
   <translation>切面</translation>
  </message>
  <message>
   <source>flat</source>
   <translation>平面</translation>
  </message>
  <message>
   <source>Neighbouring planes as bands</source>
   <translation>相邻切面作为波段</translation>
  </message>
  <message>
   <source>Set 3 or 5 for volumes and stacks where the planes above and below help to tell what is seen.</source>
   <translation>体数据和图像栈中上下切面有助于判断时设为 3 或 5。</translation>
  </message>
  <message>
   <source>Random scale</source>
   <translation>随机缩放</translation>
  </message>
  <message>
   <source>Narrow it when all images have the same magnification and size tells the classes apart.</source>
   <translation>所有图像放大倍数相同且大小可区分类别时缩小范围。</translation>
  </message>
  <message>
   <source>Choose what your pictures are like; more variation helps with few labels and slows learning with many.</source>
   <translation>按图像的特点选择；标注少时变化多有帮助，标注多时会减慢学习。</translation>
  </message>
  <message>
   <source>mirrored only</source>
   <translation>仅镜像</translation>
  </message>
  <message>
   <source>overhead: no up or down</source>
   <translation>俯视：不分上下</translation>
  </message>
  <message>
   <source>microscopy: any angle, stain and inversion</source>
   <translation>显微：任意角度、染色和反相</translation>
  </message>
  <message>
   <source>Steps of the augmentation</source>
   <translation>增强的各步骤</translation>
  </message>
  <message>
   <source>Change single steps when the preview shows patches that could never occur.</source>
   <translation>预览中出现不可能的裁块时，更改个别步骤。</translation>
  </message>
  <message>
   <source>Augment on</source>
   <translation>增强所用设备</translation>
  </message>
  <message>
   <source>Choose the graphics card when the processor can't prepare patches fast enough.</source>
   <translation>处理器准备裁块不够快时选择显卡。</translation>
  </message>
  <message>
   <source>processor</source>
   <translation>处理器</translation>
  </message>
  <message>
   <source>graphics card</source>
   <translation>显卡</translation>
  </message>
  <message>
   <source>Helps with few labels: CutMix pastes rectangles, ClassMix whole classes.</source>
   <translation>标注少时有帮助：CutMix 粘贴矩形，ClassMix 粘贴整个类别。</translation>
  </message>
  <message>
   <source>no</source>
   <translation>否</translation>
  </message>
  <message>
   <source>CutMix: rectangles</source>
   <translation>CutMix：矩形</translation>
  </message>
  <message>
   <source>ClassMix: whole classes</source>
   <translation>ClassMix：整个类别</translation>
  </message>
  <message>
   <source>Lower it when pasted patches look too strange to learn from.</source>
   <translation>粘贴后的裁块过于怪异、不宜学习时调低。</translation>
  </message>
  <message>
   <source>Tick one or more; the sum is learnt. Cross-entropy + Dice is good for most pictures.</source>
   <translation>勾选一种或多种，按其和学习。交叉熵 + Dice 适合多数图像。</translation>
  </message>
  <message>
   <source>Weigh the classes</source>
   <translation>类别加权</translation>
  </message>
  <message>
   <source>Choose one when a class covers a small part of the pixels and is missed; it is computed from the training images.</source>
   <translation>某类别像素很少而被漏掉时选择；根据训练图像计算。</translation>
  </message>
  <message>
   <source>all alike</source>
   <translation>全部相同</translation>
  </message>
  <message>
   <source>by median frequency</source>
   <translation>按中位频率</translation>
  </message>
  <message>
   <source>by effective number</source>
   <translation>按有效样本数</translation>
  </message>
  <message>
   <source>Own weights</source>
   <translation>自定义权重</translation>
  </message>
  <message>
   <source>One number a class, in the order shown, when you know better than the ways above; empty uses those.</source>
   <translation>每个类别一个数，按所示顺序，适用于您比上述方法更了解数据时；留空则用上述方法。</translation>
  </message>
  <message>
   <source>Weight between objects</source>
   <translation>对象之间的权重</translation>
  </message>
  <message>
   <source>Set 10, 5 (how much, and how far in pixels) when neighbouring objects are joined, as U-Net does for cells; empty = off.</source>
   <translation>相邻对象粘连时设为 10, 5（强度和以像素计的距离），如 U-Net 用于细胞；留空为关闭。</translation>
  </message>
  <message>
   <source>Weigh labels by who made them</source>
   <translation>按标注来源加权</translation>
  </message>
  <message>
   <source>Three numbers: labelled by you, accepted by you at its place or in images marked done, taken over with a whole proposal unchecked; 0 leaves those out, empty = all alike.</source>
   <translation>三个数：您标注的；您在该处接受或在标记为完成的图像中的；随整个预测未经检查接受的；0 表示不用，空 = 一视同仁。</translation>
  </message>
  <message>
   <source>Auxiliary losses</source>
   <translation>辅助损失</translation>
  </message>
  <message>
   <source>Only for networks with outputs on the way, such as PSPNet or UNet++: one number for each; empty = the network's own.</source>
   <translation>仅用于有中间输出的网络，如 PSPNet 或 UNet++：每个输出一个数；留空用网络自己的值。</translation>
  </message>
  <message>
   <source>Raise it while the curve still climbs at the end; the best model is kept in any case.</source>
   <translation>结束时曲线仍在上升则调高；无论如何都会保留最佳模型。</translation>
  </message>
  <message>
   <source>Stop after</source>
   <translation>停止条件</translation>
  </message>
  <message>
   <source>Ends the run when the mean IoU has not grown for so long; set never to see the whole curve.</source>
   <translation>平均 IoU 这么久没有提高时结束；设为从不可看到整条曲线。</translation>
  </message>
  <message>
   <source>epochs without gain</source>
   <translation>轮无提高</translation>
  </message>
  <message>
   <source>never</source>
   <translation>从不</translation>
  </message>
  <message>
   <source>Stop after a time of</source>
   <translation>限时停止</translation>
  </message>
  <message>
   <source>Set it when the computer is needed for something else later.</source>
   <translation>稍后要用电脑做别的事时设置。</translation>
  </message>
  <message>
   <source>Patches a step: as many as the memory takes, up to about 16.</source>
   <translation>每步的裁块数：内存允许多少就多少，大约 16 为止。</translation>
  </message>
  <message>
   <source>patches</source>
   <translation>裁块</translation>
  </message>
  <message>
   <source>Batches a step</source>
   <translation>每步的批次数</translation>
  </message>
  <message>
   <source>Raise it when the memory takes only one or two patches: so many batches then count as one.</source>
   <translation>内存只容得下一两个裁块时调高：这么多批次合为一步。</translation>
  </message>
  <message>
   <source>Optimiser</source>
   <translation>优化器</translation>
  </message>
  <message>
   <source>AdamW is right for most; SGD with momentum is what many papers used, with a rate ten times as high.</source>
   <translation>AdamW 适合多数情况；许多论文用带动量的 SGD，学习率高十倍。</translation>
  </message>
  <message>
   <source>AdamW</source>
   <translation>AdamW</translation>
  </message>
  <message>
   <source>Adam</source>
   <translation>Adam</translation>
  </message>
  <message>
   <source>SGD with momentum</source>
   <translation>带动量的 SGD</translation>
  </message>
  <message>
   <source>Momentum</source>
   <translation>动量</translation>
  </message>
  <message>
   <source>Leave it at 0.9 unless a paper says otherwise.</source>
   <translation>除非论文另有说明，保持 0.9。</translation>
  </message>
  <message>
   <source>Nesterov's momentum</source>
   <translation>Nesterov 动量</translation>
  </message>
  <message>
   <source>Turn it on when a paper says so.</source>
   <translation>论文要求时开启。</translation>
  </message>
  <message>
   <source>Lower it when the loss jumps or is no number, raise it when it hardly falls; «Find…» measures a good one.</source>
   <translation>损失跳动或变成非数时调低，几乎不降时调高；“寻找…”可测出合适的值。</translation>
  </message>
  <message>
   <source>Rate of the encoder</source>
   <translation>编码器的学习率</translation>
  </message>
  <message>
   <source>Lower it to 0.1 with few labels, so that what a pretrained encoder knows is kept.</source>
   <translation>标注少时降到 0.1，以保留预训练编码器所知。</translation>
  </message>
  <message>
   <source>× the rate</source>
   <translation>× 学习率</translation>
  </message>
  <message>
   <source>Weight decay</source>
   <translation>权重衰减</translation>
  </message>
  <message>
   <source>Raise it when training grows better and validation worse.</source>
   <translation>训练变好而验证变差时调高。</translation>
  </message>
  <message>
   <source>Rate falls</source>
   <translation>学习率下降方式</translation>
  </message>
  <message>
   <source>Poly suits most runs; choose constant to train on and on and stop by hand.</source>
   <translation>Poly 适合多数训练；想一直训练并手动停止时选择不下降。</translation>
  </message>
  <message>
   <source>poly</source>
   <translation>poly</translation>
  </message>
  <message>
   <source>as a cosine</source>
   <translation>余弦</translation>
  </message>
  <message>
   <source>one cycle: up, then down</source>
   <translation>单周期：先升后降</translation>
  </message>
  <message>
   <source>in steps</source>
   <translation>分步</translation>
  </message>
  <message>
   <source>not at all</source>
   <translation>不下降</translation>
  </message>
  <message>
   <source>Warm-up</source>
   <translation>预热</translation>
  </message>
  <message>
   <source>Raise it when the first steps make things worse; it is the part of the run in which the rate grows.</source>
   <translation>最初几步使结果变差时调高；它是学习率上升所占的训练比例。</translation>
  </message>
  <message>
   <source>of the run</source>
   <translation>（占训练）</translation>
  </message>
  <message>
   <source>Power of poly</source>
   <translation>poly 的指数</translation>
  </message>
  <message>
   <source>Higher falls faster; papers use 0.9.</source>
   <translation>越大下降越快；论文用 0.9。</translation>
  </message>
  <message>
   <source>Epochs between steps</source>
   <translation>每步间隔的轮数</translation>
  </message>
  <message>
   <source>Set what the paper says, or leave it.</source>
   <translation>按论文设置，或保持不变。</translation>
  </message>
  <message>
   <source>epochs</source>
   <translation>轮</translation>
  </message>
  <message>
   <source>a third of the run</source>
   <translation>训练的三分之一</translation>
  </message>
  <message>
   <source>Rate at each step</source>
   <translation>每步的学习率</translation>
  </message>
  <message>
   <source>Longest gradient</source>
   <translation>梯度上限</translation>
  </message>
  <message>
   <source>Lower it when single steps throw the network back.</source>
   <translation>个别步骤使网络倒退时调低。</translation>
  </message>
  <message>
   <source>no limit</source>
   <translation>不限</translation>
  </message>
  <message>
   <source>Averaged weights</source>
   <translation>平均权重</translation>
  </message>
  <message>
   <source>Set 0.99 (long runs 0.999) for a model that wavers less from epoch to epoch.</source>
   <translation>设为 0.99（长训练 0.999）可使模型各轮之间波动更小。</translation>
  </message>
  <message>
   <source>Choose the processor when the graphics card is needed elsewhere or has too little memory.</source>
   <translation>显卡另有用途或显存太少时选择处理器。</translation>
  </message>
  <message>
   <source>processor (cpu)</source>
   <translation>处理器 (cpu)</translation>
  </message>
  <message>
   <source>NVIDIA (cuda)</source>
   <translation>NVIDIA (cuda)</translation>
  </message>
  <message>
   <source>Apple (mps)</source>
   <translation>Apple (mps)</translation>
  </message>
  <message>
   <source>Choose fp32 when the loss becomes no number; bf16 and fp16 need about half the memory where the device has them.</source>
   <translation>损失变成非数时选择 fp32；设备支持时 bf16 和 fp16 约省一半内存。</translation>
  </message>
  <message>
   <source>bf16</source>
   <translation>bf16</translation>
  </message>
  <message>
   <source>fp16</source>
   <translation>fp16</translation>
  </message>
  <message>
   <source>fp32: full</source>
   <translation>fp32：全精度</translation>
  </message>
  <message>
   <source>Bands side by side in memory</source>
   <translation>波段在内存中相邻存放</translation>
  </message>
  <message>
   <source>Faster on most devices; turn it off when a network runs slower or fails.</source>
   <translation>在多数设备上更快；网络变慢或出错时关闭。</translation>
  </message>
  <message>
   <source>Compile the network</source>
   <translation>编译网络</translation>
  </message>
  <message>
   <source>Pays for long runs on a graphics card: the first minutes are slower, the rest faster.</source>
   <translation>适合显卡上的长训练：最初几分钟较慢，其余更快。</translation>
  </message>
  <message>
   <source>Loader processes</source>
   <translation>加载进程</translation>
  </message>
  <message>
   <source>Raise it when the graphics card waits for patches; each takes memory of its own.</source>
   <translation>显卡等待裁块时调高；每个进程各占内存。</translation>
  </message>
  <message>
   <source>Processor threads</source>
   <translation>处理器线程</translation>
  </message>
  <message>
   <source>Lower it to keep the computer free for labelling.</source>
   <translation>调低可让电脑腾出资源用于标注。</translation>
  </message>
  <message>
   <source>Processes</source>
   <translation>进程数</translation>
  </message>
  <message>
   <source>With several graphics cards give one process to each; they share every batch.</source>
   <translation>有多块显卡时每块一个进程，它们分担每个批次。</translation>
  </message>
  <message>
   <source>Name of the model</source>
   <translation>模型名称</translation>
  </message>
  <message>
   <source>Give it a name to find it by; else it is run-1, run-2 and so on.</source>
   <translation>取一个便于查找的名称；否则为 run-1、run-2 等。</translation>
  </message>
  <message>
   <source>Description</source>
   <translation>说明</translation>
  </message>
  <message>
   <source>Write what the model is for, if others will use it.</source>
   <translation>若供他人使用，请写明模型的用途。</translation>
  </message>
  <message>
   <source>Name the images it learnt from, if others will use it.</source>
   <translation>若供他人使用，请写明学习所用的图像。</translation>
  </message>
  <message>
   <source>Terms of the data</source>
   <translation>数据条款</translation>
  </message>
  <message>
   <source>Write the licence of the images, such as CC BY 4.0.</source>
   <translation>写明图像的许可，例如 CC BY 4.0。</translation>
  </message>
  <message>
   <source>For research only</source>
   <translation>仅供研究</translation>
  </message>
  <message>
   <source>Turn it on when the images may not be used for anything else; the model's card says so.</source>
   <translation>图像不得另作他用时开启；模型卡片会注明。</translation>
  </message>
  <message>
   <source>Validate every</source>
   <translation>验证间隔</translation>
  </message>
  <message>
   <source>Raise it when validation takes longer than training.</source>
   <translation>验证比训练更久时调高。</translation>
  </message>
  <message>
   <source>Checkpoint every</source>
   <translation>检查点间隔</translation>
  </message>
  <message>
   <source>Set it when an epoch takes long, so that a power cut costs minutes only.</source>
   <translation>一轮很久时设置，断电只损失几分钟。</translation>
  </message>
  <message>
   <source>only after each epoch</source>
   <translation>仅在每轮之后</translation>
  </message>
  <message>
   <source>TensorBoard</source>
   <translation>TensorBoard</translation>
  </message>
  <message>
   <source>Turn it off to save disk space.</source>
   <translation>关闭可节省磁盘空间。</translation>
  </message>
  <message>
   <source>Visdom server</source>
   <translation>Visdom 服务器</translation>
  </message>
  <message>
   <source>Give its address to follow the run in a browser.</source>
   <translation>填写地址可在浏览器中查看训练。</translation>
  </message>
 </context>
 <context>
  <name>tables.actions</name>
  <message>
   <source>File</source>
   <translation>文件</translation>
  </message>
  <message>
   <source>Edit</source>
   <translation>编辑</translation>
  </message>
  <message>
   <source>View</source>
   <translation>视图</translation>
  </message>
  <message>
   <source>Label</source>
   <translation>标注</translation>
  </message>
  <message>
   <source>Model</source>
   <translation>模型</translation>
  </message>
  <message>
   <source>Train</source>
   <translation>训练</translation>
  </message>
  <message>
   <source>Help</source>
   <translation>帮助</translation>
  </message>
  <message>
   <source>New project…</source>
   <translation>新建项目…</translation>
  </message>
  <message>
   <source>Make an empty project</source>
   <translation>创建空项目</translation>
  </message>
  <message>
   <source>Open project…</source>
   <translation>打开项目…</translation>
  </message>
  <message>
   <source>Open a project folder</source>
   <translation>打开项目文件夹</translation>
  </message>
  <message>
   <source>Open images…</source>
   <translation>打开图像…</translation>
  </message>
  <message>
   <source>Label image files or a folder of images at once</source>
   <translation>直接标注图像文件或图像文件夹</translation>
  </message>
  <message>
   <source>Open sample</source>
   <translation>打开示例</translation>
  </message>
  <message>
   <source>A sample project on images that come with segstudio</source>
   <translation>使用 segstudio 自带图像的示例项目</translation>
  </message>
  <message>
   <source>Add images…</source>
   <translation>添加图像…</translation>
  </message>
  <message>
   <source>Add image files to the project</source>
   <translation>将图像文件添加到项目</translation>
  </message>
  <message>
   <source>Add a folder of images…</source>
   <translation>添加图像文件夹…</translation>
  </message>
  <message>
   <source>Add every image in a folder to the project</source>
   <translation>将文件夹中的所有图像添加到项目</translation>
  </message>
  <message>
   <source>Find moved images…</source>
   <translation>查找移动过的图像…</translation>
  </message>
  <message>
   <source>Look for image files that are no longer where they were, by what they hold</source>
   <translation>按内容查找已不在原处的图像文件</translation>
  </message>
  <message>
   <source>Import labels…</source>
   <translation>导入标注…</translation>
  </message>
  <message>
   <source>Bring labels of other tools into the project, in any of the formats</source>
   <translation>将其他工具的标注以任一格式导入项目</translation>
  </message>
  <message>
   <source>Export…</source>
   <translation>导出…</translation>
  </message>
  <message>
   <source>Write the labels as a dataset, read it back and compare</source>
   <translation>将标注写成数据集，读回并比较</translation>
  </message>
  <message>
   <source>Close project</source>
   <translation>关闭项目</translation>
  </message>
  <message>
   <source>Back to the start page</source>
   <translation>返回起始页</translation>
  </message>
  <message>
   <source>Quit</source>
   <translation>退出</translation>
  </message>
  <message>
   <source>Leave segstudio; every finished stroke is on disk</source>
   <translation>退出 segstudio；所有完成的笔画均已保存</translation>
  </message>
  <message>
   <source>Undo</source>
   <translation>撤销</translation>
  </message>
  <message>
   <source>Take back the last edit</source>
   <translation>撤销上一次编辑</translation>
  </message>
  <message>
   <source>Redo</source>
   <translation>重做</translation>
  </message>
  <message>
   <source>Do the edit again</source>
   <translation>重做编辑</translation>
  </message>
  <message>
   <source>Cancel</source>
   <translation>取消</translation>
  </message>
  <message>
   <source>Abandon what the tool has begun</source>
   <translation>放弃工具正在进行的操作</translation>
  </message>
  <message>
   <source>Cut</source>
   <translation>剪切</translation>
  </message>
  <message>
   <source>Take the active object, or what lies under the pointer, off the labels</source>
   <translation>从标注中取走当前对象或指针下的内容</translation>
  </message>
  <message>
   <source>Copy</source>
   <translation>复制</translation>
  </message>
  <message>
   <source>Copy the active object, else what lies under the pointer, else the current class on this plane</source>
   <translation>复制当前对象，否则复制指针下的内容，再否则复制本平面上的当前类别</translation>
  </message>
  <message>
   <source>Paste</source>
   <translation>粘贴</translation>
  </message>
  <message>
   <source>Paste what was copied at its place, on this or another image or plane; Enter puts it down</source>
   <translation>在原位置粘贴到本图像或其他图像、平面；按回车放下</translation>
  </message>
  <message>
   <source>Delete object</source>
   <translation>删除对象</translation>
  </message>
  <message>
   <source>Delete the selected object</source>
   <translation>删除所选对象</translation>
  </message>
  <message>
   <source>Clear labels of this image</source>
   <translation>清除此图像的标注</translation>
  </message>
  <message>
   <source>Erase every label of the image; can be undone</source>
   <translation>擦除图像的所有标注；可撤销</translation>
  </message>
  <message>
   <source>Settings…</source>
   <translation>设置…</translation>
  </message>
  <message>
   <source>Change how segstudio works</source>
   <translation>更改 segstudio 的工作方式</translation>
  </message>
  <message>
   <source>Keyboard shortcuts…</source>
   <translation>键盘快捷键…</translation>
  </message>
  <message>
   <source>Rebind any key</source>
   <translation>重新绑定任意按键</translation>
  </message>
  <message>
   <source>Zoom in</source>
   <translation>放大</translation>
  </message>
  <message>
   <source>Enlarge the picture</source>
   <translation>放大图像</translation>
  </message>
  <message>
   <source>Zoom out</source>
   <translation>缩小</translation>
  </message>
  <message>
   <source>Reduce the picture</source>
   <translation>缩小图像</translation>
  </message>
  <message>
   <source>Fit the image</source>
   <translation>适应窗口</translation>
  </message>
  <message>
   <source>Show the whole image</source>
   <translation>显示整幅图像</translation>
  </message>
  <message>
   <source>1:1</source>
   <translation>1:1</translation>
  </message>
  <message>
   <source>One image pixel per screen pixel</source>
   <translation>一个图像像素对应一个屏幕像素</translation>
  </message>
  <message>
   <source>Hide labels while held</source>
   <translation>按住时隐藏标注</translation>
  </message>
  <message>
   <source>Show the bare image while the key is held</source>
   <translation>按住按键时只显示原图</translation>
  </message>
  <message>
   <source>Labels</source>
   <translation>标注</translation>
  </message>
  <message>
   <source>Show or hide the labels</source>
   <translation>显示或隐藏标注</translation>
  </message>
  <message>
   <source>Proposal</source>
   <translation>预测结果</translation>
  </message>
  <message>
   <source>Show or hide the model's proposal</source>
   <translation>显示或隐藏模型的预测结果</translation>
  </message>
  <message>
   <source>Difference</source>
   <translation>差异</translation>
  </message>
  <message>
   <source>Show where labels and proposal differ</source>
   <translation>显示标注与预测不同之处</translation>
  </message>
  <message>
   <source>Outlines only</source>
   <translation>仅轮廓</translation>
  </message>
  <message>
   <source>Draw outlines in place of filled areas</source>
   <translation>以轮廓代替填充区域</translation>
  </message>
  <message>
   <source>Confidence map</source>
   <translation>置信度图</translation>
  </message>
  <message>
   <source>Show how sure the model is</source>
   <translation>显示模型的把握程度</translation>
  </message>
  <message>
   <source>What nobody looked at</source>
   <translation>无人查看之处</translation>
  </message>
  <message>
   <source>Veil what was not on the screen long enough at a useful zoom, and tell how much was</source>
   <translation>遮盖未以有用的缩放在屏幕上停留足够久之处，并告知已看的比例</translation>
  </message>
  <message>
   <source>Next place nobody looked at</source>
   <translation>下一处无人查看的位置</translation>
  </message>
  <message>
   <source>Go to the nearest place that nobody looked at yet, on the next plane when this one is done</source>
   <translation>转到最近的无人查看之处，本层面看完则到下一层面</translation>
  </message>
  <message>
   <source>Forget what was looked at</source>
   <translation>忘记已查看的内容</translation>
  </message>
  <message>
   <source>Begin anew: count nothing of this image as looked at</source>
   <translation>重新开始：此图像都算未看过</translation>
  </message>
  <message>
   <source>Pixel grid</source>
   <translation>像素网格</translation>
  </message>
  <message>
   <source>Draw a grid between pixels past 8×</source>
   <translation>放大超过 8 倍时绘制像素网格</translation>
  </message>
  <message>
   <source>Overlay stronger</source>
   <translation>增强叠加层</translation>
  </message>
  <message>
   <source>Raise the overlay's opacity</source>
   <translation>提高叠加层不透明度</translation>
  </message>
  <message>
   <source>Overlay weaker</source>
   <translation>减弱叠加层</translation>
  </message>
  <message>
   <source>Lower the overlay's opacity</source>
   <translation>降低叠加层不透明度</translation>
  </message>
  <message>
   <source>Brightness and contrast…</source>
   <translation>亮度与对比度…</translation>
  </message>
  <message>
   <source>Set the range of values shown, for images deeper than 8 bits too</source>
   <translation>设置显示的取值范围，也适用于高于 8 位的图像</translation>
  </message>
  <message>
   <source>Automatic brightness</source>
   <translation>自动亮度</translation>
  </message>
  <message>
   <source>Choose the range of values from the image</source>
   <translation>根据图像选择取值范围</translation>
  </message>
  <message>
   <source>Panels</source>
   <translation>面板</translation>
  </message>
  <message>
   <source>Show or hide all panels</source>
   <translation>显示或隐藏所有面板</translation>
  </message>
  <message>
   <source>Full screen</source>
   <translation>全屏</translation>
  </message>
  <message>
   <source>Use the whole screen</source>
   <translation>使用整个屏幕</translation>
  </message>
  <message>
   <source>Next image</source>
   <translation>下一张图像</translation>
  </message>
  <message>
   <source>Go to the next image</source>
   <translation>转到下一张图像</translation>
  </message>
  <message>
   <source>Previous image</source>
   <translation>上一张图像</translation>
  </message>
  <message>
   <source>Go to the previous image</source>
   <translation>转到上一张图像</translation>
  </message>
  <message>
   <source>Next unlabelled image</source>
   <translation>下一张未标注图像</translation>
  </message>
  <message>
   <source>Go to the next image without labels</source>
   <translation>转到下一张没有标注的图像</translation>
  </message>
  <message>
   <source>Go to the canvas</source>
   <translation>转到画布</translation>
  </message>
  <message>
   <source>Put the keyboard focus on the canvas</source>
   <translation>将键盘焦点移到画布</translation>
  </message>
  <message>
   <source>Pan</source>
   <translation>平移</translation>
  </message>
  <message>
   <source>Move the picture; the right button changes window and level</source>
   <translation>移动画面；右键调整窗宽窗位</translation>
  </message>
  <message>
   <source>Tools</source>
   <translation>工具</translation>
  </message>
  <message>
   <source>Picker</source>
   <translation>拾取器</translation>
  </message>
  <message>
   <source>Take the class under the pointer; hold Alt in any tool</source>
   <translation>拾取指针下的类别；在任何工具中按住 Alt</translation>
  </message>
  <message>
   <source>Cross-hair</source>
   <translation>十字线</translation>
  </message>
  <message>
   <source>Click or drag to show the same voxel in all views of a volume</source>
   <translation>单击或拖动，在体数据的所有视图中显示同一体素</translation>
  </message>
  <message>
   <source>Measure</source>
   <translation>测量</translation>
  </message>
  <message>
   <source>Click for a length (double-click ends it, the first point closes an area), drag for a box; Ctrl+C copies it</source>
   <translation>单击量长度（双击结束，回到起点则成面积），拖动量矩形；Ctrl+C 复制结果</translation>
  </message>
  <message>
   <source>Brush</source>
   <translation>画笔</translation>
  </message>
  <message>
   <source>Paint the current class; Shift paints a straight line, Ctrl erases</source>
   <translation>绘制当前类别；Shift 画直线，Ctrl 擦除</translation>
  </message>
  <message>
   <source>Eraser</source>
   <translation>橡皮擦</translation>
  </message>
  <message>
   <source>Erase labels</source>
   <translation>擦除标注</translation>
  </message>
  <message>
   <source>Threshold brush</source>
   <translation>阈值画笔</translation>
  </message>
  <message>
   <source>Paint only pixels whose value is in a range; Alt-click takes the range from under the brush, Ctrl erases</source>
   <translation>只涂数值在范围内的像素；Alt 单击从画笔下取范围，Ctrl 擦除</translation>
  </message>
  <message>
   <source>Edge-aware brush</source>
   <translation>边缘感知画笔</translation>
  </message>
  <message>
   <source>Paint up to the picture's edges: only what is connected to the middle and of like colour; Ctrl erases</source>
   <translation>涂到图像边缘为止：只涂与中心相连且颜色相近的部分；Ctrl 擦除</translation>
  </message>
  <message>
   <source>Lasso</source>
   <translation>套索</translation>
  </message>
  <message>
   <source>Draw round an area, letting go fills it; Shift or Ctrl erases</source>
   <translation>沿区域画一圈，松开即填充；Shift 或 Ctrl 擦除</translation>
  </message>
  <message>
   <source>Polygon</source>
   <translation>多边形</translation>
  </message>
  <message>
   <source>Click around an area; Shift-click on an edge adds a vertex, Delete drops the one under the pointer; Enter or double-click fills, Shift erases</source>
   <translation>沿区域单击；在边上 Shift 单击可加顶点，Delete 去掉指针下的顶点；回车或双击填充，Shift 擦除</translation>
  </message>
  <message>
   <source>Rectangle</source>
   <translation>矩形</translation>
  </message>
  <message>
   <source>Drag to fill a box; Shift: square, Alt: from the centre, Ctrl erases</source>
   <translation>拖动填充矩形；Shift：正方形，Alt：从中心开始，Ctrl 擦除</translation>
  </message>
  <message>
   <source>Ellipse</source>
   <translation>椭圆</translation>
  </message>
  <message>
   <source>Drag to fill an ellipse; Shift: circle, Alt: from the centre, Ctrl erases</source>
   <translation>拖动填充椭圆；Shift：圆形，Alt：从中心开始，Ctrl 擦除</translation>
  </message>
  <message>
   <source>Smart scissors</source>
   <translation>智能剪刀</translation>
  </message>
  <message>
   <source>Click along an edge, the line clings to it; Enter or a click on the first node fills, Backspace drops a node</source>
   <translation>沿边缘单击，线条会贴合边缘；回车或单击第一个节点即填充，退格去掉一个节点</translation>
  </message>
  <message>
   <source>Fill</source>
   <translation>填充</translation>
  </message>
  <message>
   <source>Fill the area under the pointer</source>
   <translation>填充指针下的区域</translation>
  </message>
  <message>
   <source>Magic wand</source>
   <translation>魔棒</translation>
  </message>
  <message>
   <source>Click to paint what looks alike, Ctrl erases; drag up or down to change the tolerance</source>
   <translation>单击涂上相似的部分，Ctrl 擦除；上下拖动可改变容差</translation>
  </message>
  <message>
   <source>Superpixel brush</source>
   <translation>超像素画笔</translation>
  </message>
  <message>
   <source>Paint whole superpixels: small areas that follow the picture's edges; Ctrl erases</source>
   <translation>整块涂超像素（沿图像边缘的小区域）；Ctrl 擦除</translation>
  </message>
  <message>
   <source>Box around an object</source>
   <translation>框选对象</translation>
  </message>
  <message>
   <source>Drag a box around an object, correct with strokes (Ctrl: does not belong), Enter paints</source>
   <translation>拖框围住对象，用笔画修正（Ctrl：不属于），回车涂上</translation>
  </message>
  <message>
   <source>Cut out by strokes</source>
   <translation>笔画抠图</translation>
  </message>
  <message>
   <source>Drag over what belongs, with Ctrl over what does not; Enter paints the area found</source>
   <translation>在属于对象处拖动，按 Ctrl 在不属于处拖动；回车涂上找到的区域</translation>
  </message>
  <message>
   <source>Click to segment</source>
   <translation>点击分割</translation>
  </message>
  <message>
   <source>Click on an object or drag a box around it, right or Alt click what does not belong; Enter accepts it</source>
   <translation>点击对象或拖出包围框，右键或 Alt 点击不属于它的部分；回车接受</translation>
  </message>
  <message>
   <source>Move</source>
   <translation>移动</translation>
  </message>
  <message>
   <source>Press on an object or area and drag; the handles scale and rotate, Enter puts it down, Esc puts it back</source>
   <translation>按住对象或区域拖动；手柄可缩放和旋转，回车放下，Esc 放回</translation>
  </message>
  <message>
   <source>Accept by click or brush</source>
   <translation>单击或涂抹接受</translation>
  </message>
  <message>
   <source>Click an object of the proposal, or brush over it, to accept it</source>
   <translation>单击或涂抹预测对象以接受</translation>
  </message>
  <message>
   <source>Reject by click or brush</source>
   <translation>单击或涂抹拒绝</translation>
  </message>
  <message>
   <source>Click an object of the proposal, or brush over it, to reject it</source>
   <translation>单击或涂抹预测对象以拒绝</translation>
  </message>
  <message>
   <source>Smaller brush</source>
   <translation>缩小画笔</translation>
  </message>
  <message>
   <source>Make the brush smaller</source>
   <translation>使画笔变小</translation>
  </message>
  <message>
   <source>Larger brush</source>
   <translation>放大画笔</translation>
  </message>
  <message>
   <source>Make the brush larger</source>
   <translation>使画笔变大</translation>
  </message>
  <message>
   <source>Round or square brush</source>
   <translation>圆形或方形画笔</translation>
  </message>
  <message>
   <source>Switch between the round and the square brush</source>
   <translation>在圆形与方形画笔间切换</translation>
  </message>
  <message>
   <source>Swap the last two classes</source>
   <translation>交换最近两个类别</translation>
  </message>
  <message>
   <source>Back to the class used before</source>
   <translation>回到之前使用的类别</translation>
  </message>
  <message>
   <source>Add class…</source>
   <translation>添加类别…</translation>
  </message>
  <message>
   <source>Add a class</source>
   <translation>添加一个类别</translation>
  </message>
  <message>
   <source>Label separate objects</source>
   <translation>逐个标注对象</translation>
  </message>
  <message>
   <source>Each stroke, polygon or fill begins an object of its own</source>
   <translation>每一笔、每个多边形或填充都开始一个新对象</translation>
  </message>
  <message>
   <source>New object</source>
   <translation>新建对象</translation>
  </message>
  <message>
   <source>The next strokes make one new object of the current class</source>
   <translation>接下来的笔画构成当前类别的一个新对象</translation>
  </message>
  <message>
   <source>End object</source>
   <translation>结束对象</translation>
  </message>
  <message>
   <source>Further strokes no longer go to the object</source>
   <translation>之后的笔画不再属于该对象</translation>
  </message>
  <message>
   <source>Image is done</source>
   <translation>图像已完成</translation>
  </message>
  <message>
   <source>Mark the image as done, or take that back</source>
   <translation>标记图像为已完成，或取消</translation>
  </message>
  <message>
   <source>Fill holes…</source>
   <translation>填充孔洞…</translation>
  </message>
  <message>
   <source>Fill the holes of the active object, else of the current class</source>
   <translation>填充当前对象的孔洞，否则填充当前类别的孔洞</translation>
  </message>
  <message>
   <source>Regions</source>
   <translation>区域</translation>
  </message>
  <message>
   <source>Remove small pieces…</source>
   <translation>去除小块…</translation>
  </message>
  <message>
   <source>Take away pieces that are smaller than a number of pixels</source>
   <translation>去掉小于指定像素数的块</translation>
  </message>
  <message>
   <source>Keep the largest piece…</source>
   <translation>保留最大块…</translation>
  </message>
  <message>
   <source>Take away all but the largest piece of each object, or of the class</source>
   <translation>每个对象或类别只保留最大的一块</translation>
  </message>
  <message>
   <source>Grow…</source>
   <translation>扩张…</translation>
  </message>
  <message>
   <source>Add a rim around the active object, else around the current class</source>
   <translation>在当前对象（否则当前类别）外加一圈</translation>
  </message>
  <message>
   <source>Shrink…</source>
   <translation>收缩…</translation>
  </message>
  <message>
   <source>Take away the rim of the active object, else of the current class</source>
   <translation>去掉当前对象（否则当前类别）的边缘一圈</translation>
  </message>
  <message>
   <source>Smooth…</source>
   <translation>平滑…</translation>
  </message>
  <message>
   <source>Round the outline of the active object, else of the current class</source>
   <translation>使当前对象（否则当前类别）的轮廓圆滑</translation>
  </message>
  <message>
   <source>Split touching objects…</source>
   <translation>分开相接对象…</translation>
  </message>
  <message>
   <source>Cut apart at the necks; every part becomes an object</source>
   <translation>在颈部切开；每一部分成为一个对象</translation>
  </message>
  <message>
   <source>Split into connected pieces</source>
   <translation>拆成相连的块</translation>
  </message>
  <message>
   <source>Every connected piece becomes an object of its own</source>
   <translation>每个相连的块各成为一个对象</translation>
  </message>
  <message>
   <source>Merge objects</source>
   <translation>合并对象</translation>
  </message>
  <message>
   <source>Make one object of all that are selected in the Objects panel</source>
   <translation>把“对象”面板中选中的合成一个对象</translation>
  </message>
  <message>
   <source>Change class…</source>
   <translation>更改类别…</translation>
  </message>
  <message>
   <source>Give the selected objects, else all of the current class in this image, another class</source>
   <translation>给选中的对象（否则本图像中当前类别的全部）换一个类别</translation>
  </message>
  <message>
   <source>Clear class here</source>
   <translation>清除此处的类别</translation>
  </message>
  <message>
   <source>Erase all of the current class in this image</source>
   <translation>擦除本图像中当前类别的全部</translation>
  </message>
  <message>
   <source>Combine areas…</source>
   <translation>组合区域…</translation>
  </message>
  <message>
   <source>Union, intersection, subtraction or xor of two classes or layers into the current class</source>
   <translation>将两个类别或图层的并、交、差或异或写入当前类别</translation>
  </message>
  <message>
   <source>Next plane</source>
   <translation>下一平面</translation>
  </message>
  <message>
   <source>Go one plane on in a volume or stack</source>
   <translation>在体数据或图像栈中前进一个平面</translation>
  </message>
  <message>
   <source>Planes</source>
   <translation>平面</translation>
  </message>
  <message>
   <source>Previous plane</source>
   <translation>上一平面</translation>
  </message>
  <message>
   <source>Go one plane back in a volume or stack</source>
   <translation>在体数据或图像栈中后退一个平面</translation>
  </message>
  <message>
   <source>Ten planes on</source>
   <translation>前进十个平面</translation>
  </message>
  <message>
   <source>Go ten planes on</source>
   <translation>前进十个平面</translation>
  </message>
  <message>
   <source>Ten planes back</source>
   <translation>后退十个平面</translation>
  </message>
  <message>
   <source>Go ten planes back</source>
   <translation>后退十个平面</translation>
  </message>
  <message>
   <source>First plane</source>
   <translation>第一个平面</translation>
  </message>
  <message>
   <source>Go to the first plane</source>
   <translation>转到第一个平面</translation>
  </message>
  <message>
   <source>Last plane</source>
   <translation>最后一个平面</translation>
  </message>
  <message>
   <source>Go to the last plane</source>
   <translation>转到最后一个平面</translation>
  </message>
  <message>
   <source>Slice views</source>
   <translation>切片视图</translation>
  </message>
  <message>
   <source>Show the other two planes of a volume beside the canvas</source>
   <translation>在画布旁显示体数据的另外两个平面</translation>
  </message>
  <message>
   <source>Show where the views of a volume meet</source>
   <translation>显示体数据各视图相交的位置</translation>
  </message>
  <message>
   <source>Interpolate round this plane</source>
   <translation>在本平面前后插值</translation>
  </message>
  <message>
   <source>Fill the planes between the nearest labelled ones: the active object, else the current class</source>
   <translation>填充最近两个已标注平面之间的平面：当前对象，否则当前类别</translation>
  </message>
  <message>
   <source>Interpolate all gaps</source>
   <translation>插值所有空缺</translation>
  </message>
  <message>
   <source>Fill every gap between labelled planes of the active object, else of the current class</source>
   <translation>填充当前对象（否则当前类别）已标注平面之间的所有空缺</translation>
  </message>
  <message>
   <source>Interpolate all gaps of all classes</source>
   <translation>插值所有类别的所有空缺</translation>
  </message>
  <message>
   <source>Fill every gap between labelled planes, of each class and object</source>
   <translation>填充每个类别和对象已标注平面之间的所有空缺</translation>
  </message>
  <message>
   <source>Copy to the next plane</source>
   <translation>复制到下一平面</translation>
  </message>
  <message>
   <source>Copy the active object, else the current class, to the next plane and go there</source>
   <translation>把当前对象（否则当前类别）复制到下一平面并转到那里</translation>
  </message>
  <message>
   <source>Copy to the previous plane</source>
   <translation>复制到上一平面</translation>
  </message>
  <message>
   <source>Copy the active object, else the current class, to the previous plane and go there</source>
   <translation>把当前对象（否则当前类别）复制到上一平面并转到那里</translation>
  </message>
  <message>
   <source>Copy all labels to the next plane</source>
   <translation>把所有标注复制到下一平面</translation>
  </message>
  <message>
   <source>Copy every label of this plane to the next plane and go there</source>
   <translation>把本平面的全部标注复制到下一平面并转到那里</translation>
  </message>
  <message>
   <source>Copy all labels to the previous plane</source>
   <translation>把所有标注复制到上一平面</translation>
  </message>
  <message>
   <source>Copy every label of this plane to the previous plane and go there</source>
   <translation>把本平面的全部标注复制到上一平面并转到那里</translation>
  </message>
  <message>
   <source>Keep what is labelled there</source>
   <translation>保留那里已有的标注</translation>
  </message>
  <message>
   <source>Interpolating and copying fill only background on the other planes</source>
   <translation>插值和复制只填充其他平面的背景</translation>
  </message>
  <message>
   <source>Class 1</source>
   <translation>类别 1</translation>
  </message>
  <message>
   <source>Paint with class number 1</source>
   <translation>用第 1 个类别绘制</translation>
  </message>
  <message>
   <source>Class 2</source>
   <translation>类别 2</translation>
  </message>
  <message>
   <source>Paint with class number 2</source>
   <translation>用第 2 个类别绘制</translation>
  </message>
  <message>
   <source>Class 3</source>
   <translation>类别 3</translation>
  </message>
  <message>
   <source>Paint with class number 3</source>
   <translation>用第 3 个类别绘制</translation>
  </message>
  <message>
   <source>Class 4</source>
   <translation>类别 4</translation>
  </message>
  <message>
   <source>Paint with class number 4</source>
   <translation>用第 4 个类别绘制</translation>
  </message>
  <message>
   <source>Class 5</source>
   <translation>类别 5</translation>
  </message>
  <message>
   <source>Paint with class number 5</source>
   <translation>用第 5 个类别绘制</translation>
  </message>
  <message>
   <source>Class 6</source>
   <translation>类别 6</translation>
  </message>
  <message>
   <source>Paint with class number 6</source>
   <translation>用第 6 个类别绘制</translation>
  </message>
  <message>
   <source>Class 7</source>
   <translation>类别 7</translation>
  </message>
  <message>
   <source>Paint with class number 7</source>
   <translation>用第 7 个类别绘制</translation>
  </message>
  <message>
   <source>Class 8</source>
   <translation>类别 8</translation>
  </message>
  <message>
   <source>Paint with class number 8</source>
   <translation>用第 8 个类别绘制</translation>
  </message>
  <message>
   <source>Class 9</source>
   <translation>类别 9</translation>
  </message>
  <message>
   <source>Paint with class number 9</source>
   <translation>用第 9 个类别绘制</translation>
  </message>
  <message>
   <source>Propose for this image</source>
   <translation>预测此图像</translation>
  </message>
  <message>
   <source>Let the model propose labels for this image; of a volume, for the plane shown</source>
   <translation>让模型为本图像提出标注建议；体数据则针对显示的平面</translation>
  </message>
  <message>
   <source>Propose for all planes</source>
   <translation>为所有平面提出建议</translation>
  </message>
  <message>
   <source>Let the model propose labels for every plane of this volume or stack</source>
   <translation>让模型为此体数据或图像栈的每个平面提出标注建议</translation>
  </message>
  <message>
   <source>Propose for the selected images</source>
   <translation>预测所选图像</translation>
  </message>
  <message>
   <source>Let the model propose labels for the images selected in the list</source>
   <translation>让模型预测列表中所选图像的标注</translation>
  </message>
  <message>
   <source>Propose for all unlabelled images</source>
   <translation>预测所有未标注图像</translation>
  </message>
  <message>
   <source>Let the model propose labels for every image without labels</source>
   <translation>让模型预测所有未标注图像</translation>
  </message>
  <message>
   <source>Segment everything in view</source>
   <translation>分割视野内的所有对象</translation>
  </message>
  <message>
   <source>Let the click model propose every object it sees in view, of the current class</source>
   <translation>让点击模型预测视野内的每个对象，归为当前类别</translation>
  </message>
  <message>
   <source>Stop proposing</source>
   <translation>停止预测</translation>
  </message>
  <message>
   <source>Stop the model; what came stays</source>
   <translation>停止模型；已得到的结果保留</translation>
  </message>
  <message>
   <source>Accept the proposal</source>
   <translation>接受预测</translation>
  </message>
  <message>
   <source>Turn all of the shown proposal into labels</source>
   <translation>将显示的全部预测转为标注</translation>
  </message>
  <message>
   <source>Accept the current class</source>
   <translation>接受当前类别</translation>
  </message>
  <message>
   <source>Turn the proposal of the current class into labels</source>
   <translation>将当前类别的预测转为标注</translation>
  </message>
  <message>
   <source>Reject the current class</source>
   <translation>拒绝当前类别</translation>
  </message>
  <message>
   <source>Drop the proposal of the current class</source>
   <translation>丢弃当前类别的预测</translation>
  </message>
  <message>
   <source>Reject the proposal</source>
   <translation>拒绝预测</translation>
  </message>
  <message>
   <source>Drop all of the shown proposal</source>
   <translation>丢弃显示的全部预测</translation>
  </message>
  <message>
   <source>Let models propose here again</source>
   <translation>允许模型在此重新预测</translation>
  </message>
  <message>
   <source>Forget where you erased, painted over or rejected something in this image; your labels stay yours</source>
   <translation>忘记您在此图像中擦除、覆盖或拒绝之处；您的标注仍归您</translation>
  </message>
  <message>
   <source>Refine the proposal…</source>
   <translation>细化预测…</translation>
  </message>
  <message>
   <source>Let the proposal follow the edges of the image, with a preview of what is seen</source>
   <translation>让预测贴合图像边缘，并预览可见部分</translation>
  </message>
  <message>
   <source>Higher confidence</source>
   <translation>提高置信度</translation>
  </message>
  <message>
   <source>Show only what the model is surer of</source>
   <translation>仅显示模型更有把握的部分</translation>
  </message>
  <message>
   <source>Lower confidence</source>
   <translation>降低置信度</translation>
  </message>
  <message>
   <source>Show also what the model is less sure of</source>
   <translation>也显示模型把握较小的部分</translation>
  </message>
  <message>
   <source>Compare two models…</source>
   <translation>比较两个模型…</translation>
  </message>
  <message>
   <source>Let two models propose for this image and see one beside the other, with a line to swipe</source>
   <translation>让两个模型为此图像预测，并用可滑动的分界线并排查看</translation>
  </message>
  <message>
   <source>Evaluate a model…</source>
   <translation>评估模型…</translation>
  </message>
  <message>
   <source>Hold a model against the labels of a split: metrics, confusion matrix, and the worst images first</source>
   <translation>将模型与某一划分的标注比较：指标、混淆矩阵，最差的图像在前</translation>
  </message>
  <message>
   <source>Match classes…</source>
   <translation>匹配类别…</translation>
  </message>
  <message>
   <source>Say which class of the model is which class of the project</source>
   <translation>指定模型类别与项目类别的对应关系</translation>
  </message>
  <message>
   <source>Model catalog…</source>
   <translation>模型目录…</translation>
  </message>
  <message>
   <source>All models, networks and encoders: what they cost, when to choose them</source>
   <translation>所有模型、网络与编码器：开销多大，何时选用</translation>
  </message>
  <message>
   <source>Use a weights file…</source>
   <translation>使用权重文件…</translation>
  </message>
  <message>
   <source>Add a model from a file</source>
   <translation>从文件添加模型</translation>
  </message>
  <message>
   <source>Export model as ONNX…</source>
   <translation>将模型导出为 ONNX…</translation>
  </message>
  <message>
   <source>Write the model as a file that other programs run</source>
   <translation>将模型写成其他程序可运行的文件</translation>
  </message>
  <message>
   <source>About this model…</source>
   <translation>关于此模型…</translation>
  </message>
  <message>
   <source>Classes, data, licence and figures</source>
   <translation>类别、数据、许可证与指标</translation>
  </message>
  <message>
   <source>Most uncertain place</source>
   <translation>最不确定的位置</translation>
  </message>
  <message>
   <source>Go to the place in this image where the model is least sure and nobody has looked yet</source>
   <translation>转到此图像中模型最没把握且无人看过的位置</translation>
  </message>
  <message>
   <source>What next</source>
   <translation>下一步标注什么</translation>
  </message>
  <message>
   <source>This place is right</source>
   <translation>此处正确</translation>
  </message>
  <message>
   <source>The uncertain place pointed at, else what is in view, is right as it is shown: the proposal becomes labels there, and what is empty there is learnt as background; then on to the next uncertain place</source>
   <translation>所指的不确定位置（否则为可见区域）所示内容正确：该处的预测成为标注，空白处作为背景学习；然后转到下一个不确定位置</translation>
  </message>
  <message>
   <source>All places again</source>
   <translation>从头再看所有位置</translation>
  </message>
  <message>
   <source>Let the key for the most uncertain place go through this image from its start</source>
   <translation>让“最不确定的位置”键从头走遍此图像</translation>
  </message>
  <message>
   <source>Next image worth labelling</source>
   <translation>下一张值得标注的图像</translation>
  </message>
  <message>
   <source>Open the image that tells the model most, by the order in the Next panel</source>
   <translation>按“下一步”面板的顺序打开对模型最有帮助的图像</translation>
  </message>
  <message>
   <source>Look at all images</source>
   <translation>查看所有图像</translation>
  </message>
  <message>
   <source>Let the model look at every image: how unsure it is of each and where, and which labels it doubts</source>
   <translation>让模型查看每张图像：对每张多没把握、在哪里，以及怀疑哪些标注</translation>
  </message>
  <message>
   <source>Start training</source>
   <translation>开始训练</translation>
  </message>
  <message>
   <source>Train a model on the labelled images while you go on labelling</source>
   <translation>在您继续标注的同时用已标注图像训练模型</translation>
  </message>
  <message>
   <source>Pause training</source>
   <translation>暂停训练</translation>
  </message>
  <message>
   <source>Hold the training, or go on</source>
   <translation>暂停或继续训练</translation>
  </message>
  <message>
   <source>Stop and keep</source>
   <translation>停止并保留</translation>
  </message>
  <message>
   <source>End the training and keep its best model</source>
   <translation>结束训练并保留最佳模型</translation>
  </message>
  <message>
   <source>All settings of training…</source>
   <translation>训练的全部设置…</translation>
  </message>
  <message>
   <source>Splits, augmentation, loss, optimiser, precision and checkpoints, each with when to change it</source>
   <translation>数据划分、增强、损失、优化器、精度和检查点，每项都说明何时更改</translation>
  </message>
  <message>
   <source>Preview patches…</source>
   <translation>预览裁块…</translation>
  </message>
  <message>
   <source>See what the augmentation makes of your labels, and change its steps while you look</source>
   <translation>查看增强对标注的作用，并边看边调整各步骤</translation>
  </message>
  <message>
   <source>Find a learning rate…</source>
   <translation>寻找学习率…</translation>
  </message>
  <message>
   <source>Try rising rates for some steps and suggest one; nothing is kept of it</source>
   <translation>用逐渐升高的学习率试走若干步并给出建议；不保留任何结果</translation>
  </message>
  <message>
   <source>Runs…</source>
   <translation>训练记录…</translation>
  </message>
  <message>
   <source>The runs of this project: figures, curves over each other, what differs; use, report, go on, delete</source>
   <translation>本项目的运行：指标、叠放的曲线、差异；使用、报告、继续、删除</translation>
  </message>
  <message>
   <source>Report of a run…</source>
   <translation>运行报告…</translation>
  </message>
  <message>
   <source>Write curves, metrics, the confusion matrix and the best and worst images as one page</source>
   <translation>将曲线、指标、混淆矩阵以及最好和最差的图像写成一个页面</translation>
  </message>
  <message>
   <source>Progress and advice</source>
   <translation>进度与建议</translation>
  </message>
  <message>
   <source>What the images took, how much is left with and without another training, and when to stop</source>
   <translation>图像用了多少时间，再训练与不再训练各剩多少，何时停止</translation>
  </message>
  <message>
   <source>Open the folder of runs</source>
   <translation>打开训练记录文件夹</translation>
  </message>
  <message>
   <source>Show curves, weights and settings of every run</source>
   <translation>查看每次训练的曲线、权重和设置</translation>
  </message>
  <message>
   <source>Learn while labelling</source>
   <translation>边标注边学习</translation>
  </message>
  <message>
   <source>Let a model learn from each correction while you go on; it takes over only where it is better</source>
   <translation>您继续工作时让模型从每次修正中学习；更好时才接替</translation>
  </message>
  <message>
   <source>Pause learning</source>
   <translation>暂停学习</translation>
  </message>
  <message>
   <source>Hold the learning, or go on</source>
   <translation>暂停学习，或继续</translation>
  </message>
  <message>
   <source>Stop learning</source>
   <translation>停止学习</translation>
  </message>
  <message>
   <source>End the learning; every version that was kept stays</source>
   <translation>结束学习；已保存的版本都保留</translation>
  </message>
  <message>
   <source>Propose with the newest version</source>
   <translation>用最新版本预测</translation>
  </message>
  <message>
   <source>Renew the proposal of this image with what the model has learned</source>
   <translation>用模型所学更新此图像的预测</translation>
  </message>
  <message>
   <source>Go back to the version before</source>
   <translation>回到前一版本</translation>
  </message>
  <message>
   <source>Take the version before the one in use, and learn on from there</source>
   <translation>使用当前版本之前的版本，并由此继续学习</translation>
  </message>
  <message>
   <source>Find a command…</source>
   <translation>查找命令…</translation>
  </message>
  <message>
   <source>Find any command by its name</source>
   <translation>按名称查找任意命令</translation>
  </message>
  <message>
   <source>Keyboard sheet</source>
   <translation>快捷键表</translation>
  </message>
  <message>
   <source>Every key at a glance</source>
   <translation>所有按键一览</translation>
  </message>
  <message>
   <source>User guide</source>
   <translation>用户指南</translation>
  </message>
  <message>
   <source>How to work with segstudio</source>
   <translation>如何使用 segstudio</translation>
  </message>
  <message>
   <source>Check this computer…</source>
   <translation>检查此计算机…</translation>
  </message>
  <message>
   <source>Devices, versions and folders</source>
   <translation>设备、版本与文件夹</translation>
  </message>
  <message>
   <source>About segstudio</source>
   <translation>关于 segstudio</translation>
  </message>
  <message>
   <source>Version and licences</source>
   <translation>版本与许可证</translation>
  </message>
 </context>
 <context>
  <name>tables.settings</name>
  <message>
   <source>Colour scheme</source>
   <translation>配色方案</translation>
  </message>
  <message>
   <source>Appearance</source>
   <translation>外观</translation>
  </message>
  <message>
   <source>Light, dark, or as the system has it.</source>
   <translation>浅色、深色或跟随系统。</translation>
  </message>
  <message>
   <source>system</source>
   <translation>跟随系统</translation>
  </message>
  <message>
   <source>light</source>
   <translation>浅色</translation>
  </message>
  <message>
   <source>dark</source>
   <translation>深色</translation>
  </message>
  <message>
   <source>Language</source>
   <translation>语言</translation>
  </message>
  <message>
   <source>Takes effect when segstudio opens again.</source>
   <translation>重新打开后生效。</translation>
  </message>
  <message>
   <source>en</source>
   <translation>English</translation>
  </message>
  <message>
   <source>zh_CN</source>
   <translation>简体中文</translation>
  </message>
  <message>
   <source>Thumbnail size</source>
   <translation>缩略图大小</translation>
  </message>
  <message>
   <source>In the list of images.</source>
   <translation>用于图像列表。</translation>
  </message>
  <message>
   <source>Pixel grid past 8×</source>
   <translation>超过 8 倍时显示像素网格</translation>
  </message>
  <message>
   <source>Thin lines between magnified pixels.</source>
   <translation>放大像素之间的细线。</translation>
  </message>
  <message>
   <source>Opacity</source>
   <translation>不透明度</translation>
  </message>
  <message>
   <source>Overlay</source>
   <translation>叠加层</translation>
  </message>
  <message>
   <source>Of labels and proposal over the image.</source>
   <translation>标注与预测叠加在图像上的不透明度。</translation>
  </message>
  <message>
   <source>Draw areas as</source>
   <translation>区域绘制方式</translation>
  </message>
  <message>
   <source>fill</source>
   <translation>填充</translation>
  </message>
  <message>
   <source>outline</source>
   <translation>轮廓</translation>
  </message>
  <message>
   <source>Outline width</source>
   <translation>轮廓宽度</translation>
  </message>
  <message>
   <source>Brush size</source>
   <translation>画笔大小</translation>
  </message>
  <message>
   <source>Painting</source>
   <translation>绘制</translation>
  </message>
  <message>
   <source>Full width of the brush in image pixels.</source>
   <translation>画笔的完整宽度，单位为图像像素。</translation>
  </message>
  <message>
   <source>Brush shape</source>
   <translation>画笔形状</translation>
  </message>
  <message>
   <source>round</source>
   <translation>圆形</translation>
  </message>
  <message>
   <source>square</source>
   <translation>方形</translation>
  </message>
  <message>
   <source>Eraser size</source>
   <translation>橡皮擦大小</translation>
  </message>
  <message>
   <source>Eraser shape</source>
   <translation>橡皮擦形状</translation>
  </message>
  <message>
   <source>Size of the accept and reject brush</source>
   <translation>接受与拒绝画笔的大小</translation>
  </message>
  <message>
   <source>Paint over</source>
   <translation>绘制范围</translation>
  </message>
  <message>
   <source>Everything, only what has no label yet, or only one chosen class. Locked classes are never painted over.</source>
   <translation>任意位置、仅未标注处，或仅所选类别。锁定的类别永不被覆盖。</translation>
  </message>
  <message>
   <source>anywhere</source>
   <translation>任意位置</translation>
  </message>
  <message>
   <source>background</source>
   <translation>背景</translation>
  </message>
  <message>
   <source>class</source>
   <translation>类别</translation>
  </message>
  <message>
   <source>Pen pressure changes the size</source>
   <translation>笔压改变大小</translation>
  </message>
  <message>
   <source>Largest area that fill takes</source>
   <translation>填充的最大面积</translation>
  </message>
  <message>
   <source>A larger area is refused with a sentence.</source>
   <translation>更大的区域会被拒绝并说明原因。</translation>
  </message>
  <message>
   <source>Size of the threshold brush</source>
   <translation>阈值画笔大小</translation>
  </message>
  <message>
   <source>From</source>
   <translation>从</translation>
  </message>
  <message>
   <source>The least value that is painted, in the image's own values; Alt-click on the canvas takes the range from under the brush.</source>
   <translation>可涂的最小值（图像自身的数值）；在画布上 Alt 单击可从画笔下取范围。</translation>
  </message>
  <message>
   <source>to</source>
   <translation>到</translation>
  </message>
  <message>
   <source>The largest value that is painted; Alt-drag on the canvas widens the range to all that the brush goes over.</source>
   <translation>可涂的最大值；在画布上 Alt 拖动可把范围扩大到画笔经过的所有数值。</translation>
  </message>
  <message>
   <source>Band</source>
   <translation>波段</translation>
  </message>
  <message>
   <source>The band compared, counted from 0; -1 = the mean of all.</source>
   <translation>用于比较的波段，从 0 数起；-1 = 全部的平均。</translation>
  </message>
  <message>
   <source>Size of the edge-aware brush</source>
   <translation>边缘感知画笔大小</translation>
  </message>
  <message>
   <source>Edge strength</source>
   <translation>边缘强度</translation>
  </message>
  <message>
   <source>How strong an edge must be to stop the brush, in percent of the shown range: small = faint edges stop it too.</source>
   <translation>多强的边缘会挡住画笔，以显示范围的百分比计：值小则弱边缘也会挡住。</translation>
  </message>
  <message>
   <source>Keep the first colour</source>
   <translation>保持起始颜色</translation>
  </message>
  <message>
   <source>All of a stroke paints only what has the colour where it began; otherwise that in the middle of the brush.</source>
   <translation>整笔只涂与起点颜色相近的部分；否则按画笔中心的颜色。</translation>
  </message>
  <message>
   <source>Adjust before filling</source>
   <translation>填充前可调整</translation>
  </message>
  <message>
   <source>The shape stays after letting go: drag it or its corners; Enter, a double click or a press beside it fills it.</source>
   <translation>松开后形状保留：可拖动它或它的角；回车、双击或在旁边按下即填充。</translation>
  </message>
  <message>
   <source>Tolerance</source>
   <translation>容差</translation>
  </message>
  <message>
   <source>How far a value may lie from that under the pointer, in percent of the shown range. Press and drag up or down on the canvas to change it and see the area.</source>
   <translation>数值可与指针下的值相差多少，以显示范围的百分比计。在画布上按住并上下拖动可改变它并看到区域。</translation>
  </message>
  <message>
   <source>Take</source>
   <translation>选取</translation>
  </message>
  <message>
   <source>Only what is connected to the pixel under the pointer, or everything like it in view or in the whole image.</source>
   <translation>只取与指针下像素相连的部分，或视野内、整幅图像中所有相似的部分。</translation>
  </message>
  <message>
   <source>connected</source>
   <translation>相连部分</translation>
  </message>
  <message>
   <source>in view</source>
   <translation>视野内</translation>
  </message>
  <message>
   <source>whole image</source>
   <translation>整幅图像</translation>
  </message>
  <message>
   <source>The band compared, counted from 0; -1 = all bands that are shown.</source>
   <translation>用于比较的波段，从 0 数起；-1 = 显示的所有波段。</translation>
  </message>
  <message>
   <source>Sample</source>
   <translation>取样</translation>
  </message>
  <message>
   <source>The median of a square of this side is what is looked for.</source>
   <translation>以此边长的方块中位数作为查找的值。</translation>
  </message>
  <message>
   <source>Fill holes</source>
   <translation>填充孔洞</translation>
  </message>
  <message>
   <source>What the area encloses belongs to it, too.</source>
   <translation>被区域包围的部分也算在内。</translation>
  </message>
  <message>
   <source>Superpixel size</source>
   <translation>超像素大小</translation>
  </message>
  <message>
   <source>Width of a superpixel in image pixels.</source>
   <translation>超像素的宽度（图像像素）。</translation>
  </message>
  <message>
   <source>Evenness</source>
   <translation>均匀度</translation>
  </message>
  <message>
   <source>Small: superpixels follow every edge; large: they are nearly squares.</source>
   <translation>小：超像素贴合每条边缘；大：接近方形。</translation>
  </message>
  <message>
   <source>Outlines</source>
   <translation>轮廓</translation>
  </message>
  <message>
   <source>Draw the outlines of all superpixels in view.</source>
   <translation>画出视野内所有超像素的轮廓。</translation>
  </message>
  <message>
   <source>Interpolating and copying between planes keep what is labelled</source>
   <translation>平面间插值和复制时保留已有标注</translation>
  </message>
  <message>
   <source>Only background is filled on the other planes. Locked classes are never painted over.</source>
   <translation>其他平面上只填充背景。锁定的类别永不被覆盖。</translation>
  </message>
  <message>
   <source>Snap</source>
   <translation>吸附</translation>
  </message>
  <message>
   <source>A click goes to the strongest edge so near, in pixels of the screen; hold Ctrl to set a node just where you click.</source>
   <translation>单击会吸附到此距离（屏幕像素）内最强的边缘；按住 Ctrl 则节点就在单击处。</translation>
  </message>
  <message>
   <source>On</source>
   <translation>作用于</translation>
  </message>
  <message>
   <source>The plane that is shown, or every plane of the volume.</source>
   <translation>显示的平面，或体数据的每个平面。</translation>
  </message>
  <message>
   <source>this plane</source>
   <translation>本平面</translation>
  </message>
  <message>
   <source>whole volume</source>
   <translation>整个体数据</translation>
  </message>
  <message>
   <source>Holes up to</source>
   <translation>孔洞不超过</translation>
  </message>
  <message>
   <source>In pixels; 0 fills holes of any size.</source>
   <translation>以像素计；0 表示填充任意大小的孔洞。</translation>
  </message>
  <message>
   <source>Pieces smaller than</source>
   <translation>小于此值的块</translation>
  </message>
  <message>
   <source>Pieces with fewer pixels go.</source>
   <translation>像素更少的块将被去掉。</translation>
  </message>
  <message>
   <source>Grow by</source>
   <translation>扩张</translation>
  </message>
  <message>
   <source>The width of the new rim.</source>
   <translation>新增一圈的宽度。</translation>
  </message>
  <message>
   <source>Shrink by</source>
   <translation>收缩</translation>
  </message>
  <message>
   <source>The width of the rim that goes.</source>
   <translation>去掉一圈的宽度。</translation>
  </message>
  <message>
   <source>Radius</source>
   <translation>半径</translation>
  </message>
  <message>
   <source>What is finer than this is rounded off.</source>
   <translation>比这更细的部分会被磨圆。</translation>
  </message>
  <message>
   <source>Neck</source>
   <translation>颈部</translation>
  </message>
  <message>
   <source>Parts come apart where the neck between them is narrower by this than the smaller part, measured as radius.</source>
   <translation>当颈部比较小部分窄这么多（按半径计）时，两部分分开。</translation>
  </message>
  <message>
   <source>Over other labels</source>
   <translation>覆盖其他标注</translation>
  </message>
  <message>
   <source>Else only pixels that have no label yet are added.</source>
   <translation>否则只添加尚无标注的像素。</translation>
  </message>
  <message>
   <source>union</source>
   <translation>并集</translation>
  </message>
  <message>
   <source>intersection</source>
   <translation>交集</translation>
  </message>
  <message>
   <source>subtraction</source>
   <translation>差集</translation>
  </message>
  <message>
   <source>xor</source>
   <translation>异或</translation>
  </message>
  <message>
   <source>Replace</source>
   <translation>替换</translation>
  </message>
  <message>
   <source>What is there already is erased where it lies outside the result; else the result is added to it.</source>
   <translation>已有内容在结果之外的部分将被擦除；否则结果加到已有内容上。</translation>
  </message>
  <message>
   <source>Size of marks</source>
   <translation>标记笔大小</translation>
  </message>
  <message>
   <source>Of the box and stroke tools.</source>
   <translation>用于框选和笔画工具。</translation>
  </message>
  <message>
   <source>Method</source>
   <translation>方法</translation>
  </message>
  <message>
   <source>Random walker goes by the edges, graph cut by colours and edges.</source>
   <translation>随机游走依据边缘，图割依据颜色和边缘。</translation>
  </message>
  <message>
   <source>random walker</source>
   <translation>随机游走</translation>
  </message>
  <message>
   <source>graph cut</source>
   <translation>图割</translation>
  </message>
  <message>
   <source>Model</source>
   <translation>模型</translation>
  </message>
  <message>
   <source>Which model answers the clicks.</source>
   <translation>由哪个模型响应点击。</translation>
  </message>
  <message>
   <source>A single click may mean a part or the whole: what the model is surest of, or the smallest or largest it sees.</source>
   <translation>单次点击可能指局部或整体：取模型最有把握的，或它所见最小或最大的。</translation>
  </message>
  <message>
   <source>best</source>
   <translation>最佳</translation>
  </message>
  <message>
   <source>smallest</source>
   <translation>最小</translation>
  </message>
  <message>
   <source>largest</source>
   <translation>最大</translation>
  </message>
  <message>
   <source>Drag</source>
   <translation>拖动</translation>
  </message>
  <message>
   <source>What dragging draws: a box around the object, or a line over it (Ctrl does the other one). The right button draws a line over what does not belong.</source>
   <translation>拖动画什么：对象的包围框，或对象上的线（按 Ctrl 换另一种）。右键在不属于它的部分上画线。</translation>
  </message>
  <message>
   <source>box</source>
   <translation>框</translation>
  </message>
  <message>
   <source>line</source>
   <translation>线</translation>
  </message>
  <message>
   <source>Clicks a side to segment everything</source>
   <translation>分割所有对象时每边的点击数</translation>
  </message>
  <message>
   <source>Proposals</source>
   <translation>预测</translation>
  </message>
  <message>
   <source>Of the grid over what is in view: more find smaller objects and take longer.</source>
   <translation>视野上的网格：越多能找到越小的对象，也越慢。</translation>
  </message>
  <message>
   <source>Least confidence shown</source>
   <translation>显示的最低置信度</translation>
  </message>
  <message>
   <source>What the model is less sure of is neither shown nor accepted.</source>
   <translation>模型把握较小的部分既不显示也不接受。</translation>
  </message>
  <message>
   <source>Proposals leave hand work alone</source>
   <translation>预测不动手工标注</translation>
  </message>
  <message>
   <source>Models propose nothing where you labelled, erased or rejected something, and accepting never paints over it.</source>
   <translation>您标注、擦除或拒绝过的地方模型不再预测，接受也不会覆盖它。</translation>
  </message>
  <message>
   <source>Device</source>
   <translation>设备</translation>
  </message>
  <message>
   <source>auto picks the graphics card where there is one.</source>
   <translation>自动：有显卡时使用显卡。</translation>
  </message>
  <message>
   <source>auto</source>
   <translation>自动</translation>
  </message>
  <message>
   <source>cpu</source>
   <translation>CPU</translation>
  </message>
  <message>
   <source>cuda</source>
   <translation>CUDA</translation>
  </message>
  <message>
   <source>mps</source>
   <translation>MPS</translation>
  </message>
  <message>
   <source>Tile of the model</source>
   <translation>模型分块</translation>
  </message>
  <message>
   <source>0 = as the model's card says.</source>
   <translation>0 = 按模型卡片。</translation>
  </message>
  <message>
   <source>Overlap of tiles</source>
   <translation>分块重叠</translation>
  </message>
  <message>
   <source>A new version proposes anew for the image shown</source>
   <translation>新版本为所显示的图像重新预测</translation>
  </message>
  <message>
   <source>While learning is on: as soon as the hand rests, and only where nothing of yours would be lost.</source>
   <translation>学习进行时：停手后立即进行，且只在不会丢失您的内容之处。</translation>
  </message>
  <message>
   <source>A place counts as looked at after</source>
   <translation>停留多久算已查看</translation>
  </message>
  <message>
   <source>Work</source>
   <translation>工作</translation>
  </message>
  <message>
   <source>So long it must have been on the screen, all times together.</source>
   <translation>必须在屏幕上停留这么久，累计计算。</translation>
  </message>
  <message>
   <source>A place counts as looked at from a zoom of</source>
   <translation>从多大缩放起算已查看</translation>
  </message>
  <message>
   <source>Screen pixels per image pixel; what is shown smaller is not looked at. Above 1 counts as 1.</source>
   <translation>每图像像素的屏幕像素数；显示得更小不算看过。大于 1 按 1 计。</translation>
  </message>
  <message>
   <source>Memory for undo</source>
   <translation>撤销内存</translation>
  </message>
  <message>
   <source>Per image.</source>
   <translation>每张图像。</translation>
  </message>
  <message>
   <source>Go to the next image when one is marked done</source>
   <translation>标记完成后转到下一张图像</translation>
  </message>
  <message>
   <source>Record what images take</source>
   <translation>记录图像所花的工作</translation>
  </message>
  <message>
   <source>Time at work, strokes and pixels of each image are kept in the project, for the Progress panel.</source>
   <translation>每张图像的工作时间、笔画和像素保存在项目中，供“进度”面板使用。</translation>
  </message>
  <message>
   <source>Open the last project at start</source>
   <translation>启动时打开上次的项目</translation>
  </message>
  <message>
   <source>Preview</source>
   <translation>预览</translation>
  </message>
  <message>
   <source>Show at once what refining would make of what is seen.</source>
   <translation>立即显示细化对可见部分的效果。</translation>
  </message>
 </context>
 <context>
  <name>tables.app</name>
  <message>
   <source>Images</source>
   <translation>图像</translation>
  </message>
  <message>
   <source>Objects</source>
   <translation>对象</translation>
  </message>
  <message>
   <source>Layers</source>
   <translation>图层</translation>
  </message>
  <message>
   <source>History</source>
   <translation>历史</translation>
  </message>
  <message>
   <source>Progress</source>
   <translation>进度</translation>
  </message>
  <message>
   <source>Classes</source>
   <translation>类别</translation>
  </message>
  <message>
   <source>Overlay</source>
   <translation>叠加层</translation>
  </message>
  <message>
   <source>Model</source>
   <translation>模型</translation>
  </message>
  <message>
   <source>Train</source>
   <translation>训练</translation>
  </message>
  <message>
   <source>Learning</source>
   <translation>学习</translation>
  </message>
  <message>
   <source>Next</source>
   <translation>下一步</translation>
  </message>
  <message>
   <source>Views</source>
   <translation>视图</translation>
  </message>
  <message>
   <source>Nothing is recorded yet: label some images, and here you read how much is left.</source>
   <translation>还没有记录：标注几张图像后，这里会显示剩余多少。</translation>
  </message>
  <message>
   <source>All images are done; they took %s1 of work.</source>
   <translation>所有图像都已完成；共用 %s1 工作时间。</translation>
  </message>
  <message>
   <source>Mark images as done when they are: after three of them you read here how much is left.</source>
   <translation>完成的图像请标记为完成：三张之后这里会显示剩余多少。</translation>
  </message>
  <message>
   <source>Go on: %c1 of the %c2 images are done that a forecast needs.</source>
   <translation>请继续：预测所需的 %c2 张图像已完成 %c1 张。</translation>
  </message>
  <message>
   <source>Stop correcting: the last images kept %c2 % of their proposals. Accept the rest (%c3) and look over a sample.</source>
   <translation>可以停止修正：最近的图像保留了 %c2 % 的预测。接受其余（%c3）并抽查一部分。</translation>
  </message>
  <message>
   <source>Train a model on the %c1 images that are done, then correct its proposals; without it about %s1 are left.</source>
   <translation>用已完成的 %c1 张图像训练模型，再修正它的预测；否则约剩 %s1。</translation>
  </message>
  <message>
   <source>Go on correcting, about %s1 are left; train again once %c1 more images are done.</source>
   <translation>继续修正，约剩 %s1；再完成 %c1 张后重新训练。</translation>
  </message>
  <message>
   <source>Train again: the model learnt from %c1 images at most, and %c2 are done by now. About %s1 are left without.</source>
   <translation>请重新训练：模型最多学过 %c1 张，现已完成 %c2 张。不训练约剩 %s1。</translation>
  </message>
  <message>
   <source>Train again now: about %s1 of work are left as it is, about %s2 after another training.</source>
   <translation>现在重新训练：照现状约剩 %s1，再训练后约剩 %s2。</translation>
  </message>
  <message>
   <source>Another training would hardly help: go on correcting, about %s1 are left.</source>
   <translation>再训练帮助不大：继续修正，约剩 %s1。</translation>
  </message>
  <message>
   <source>Go on correcting, about %s1 are left; another training pays once %c1 more images are done.</source>
   <translation>继续修正，约剩 %s1；再完成 %c1 张后训练才划算。</translation>
  </message>
 </context>
</TS>
